import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '#std/errors';
import type { Catalog } from '../catalog.ts';
import { isExit } from '../exit/await.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, isRunning } from '../record.ts';
import type { LogOptions } from '../types.ts';
import { logPlace } from './drivers.ts';
import type { LogOpenings } from './openings.ts';
import { type ReadOptions, readLog } from './read.ts';

/** What reading logs needs. */
export interface LogParts {
  readonly catalog: Catalog;
  readonly openings: LogOpenings;
  readonly paths: ContainerPaths;
}

/** The log of a container as `GET /containers/{id}/logs` sends it; following, it ends when the container has stopped. */
export function containerLog(
  { catalog, openings, paths }: LogParts,
  record: ContainerRecord,
  options: LogOptions & { readonly raw?: boolean },
): AsyncIterable<Uint8Array> {
  const place = logPlace(record, paths);
  if (place === undefined) {
    throw fail('not-implemented', 'configured logging driver does not support reading');
  }
  if (!options.stdout && !options.stderr) {
    throw fail('invalid-argument', 'Bad parameters: you must choose at least one stream');
  }
  const { id } = record;
  const follow = {
    ended: () => {
      const current = catalog.get(id);
      return current === undefined || !isRunning(current);
    },
    onChange: (listener: () => void) =>
      catalog.watch(id, (next, previous) => {
        if (isExit(next, previous)) listener();
      }),
  };
  const { follow: follows, raw = record.config.Tty, ...rest } = options;
  // Before the first start there may be no directory to watch.
  if (follows) mkdirSync(dirname(place.path), { recursive: true, mode: 0o700 });
  const readOptions = { ...rest, format: place.format, framed: !raw };
  if (!follows) return readLog(place.path, readOptions);
  return followLog(place.path, { ...readOptions, follow }, () => openings.enter(id));
}

/** Follows a log; from its first step until the log is open, nobody hears of the container's exit. */
async function* followLog(path: string, options: ReadOptions, enter: () => Disposable): AsyncGenerator<Uint8Array> {
  using opening = enter();
  yield* readLog(path, { ...options, onOpen: () => opening[Symbol.dispose]() });
}
