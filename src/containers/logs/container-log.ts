import { fail } from '#std/errors';
import type { Catalog } from '../catalog.ts';
import { isExit } from '../exit/await.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, isRunning } from '../record.ts';
import type { LogOptions } from '../types.ts';
import { readLog } from './read.ts';

/** The log of a container as `GET /containers/{id}/logs` sends it; following, it ends when the container has stopped. */
export function containerLog(
  catalog: Catalog,
  paths: ContainerPaths,
  record: ContainerRecord,
  options: LogOptions,
): AsyncIterable<Uint8Array> {
  if (record.hostConfig.LogConfig.Type === 'none') {
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
  const { follow: follows, ...rest } = options;
  return readLog(paths.log(id), { ...rest, framed: !record.config.Tty, ...(follows && { follow }) });
}
