import { fail, kindOf } from '#std/errors';
import type { SourceOperation } from '../graph/operation.ts';
import type { BuildSession, LocalDirectory, LocalRequest } from '../session/session.ts';
import type { StepRun } from '../solver/types.ts';
import type { PinnedSource, SourceKind } from './types.ts';

const scheme = 'local://';

/** BuildKit sends lists as JSON (`source.local`, attributes). */
function listOf(text: string | undefined, attribute: string): string[] {
  if (text === undefined || text === '') return [];
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw fail('invalid-argument', `invalid ${attribute}: ${text}`, error);
  }
  if (list === null) return [];
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) {
    throw fail('invalid-argument', `invalid ${attribute}: ${text}`);
  }
  return list;
}

function requestOf({ identifier, attributes }: SourceOperation): LocalRequest {
  return {
    name: identifier.slice(scheme.length),
    includePatterns: listOf(attributes['local.includepattern'], 'local.includepattern'),
    excludePatterns: listOf(attributes['local.excludepatterns'], 'local.excludepatterns'),
    followPaths: listOf(attributes['local.followpaths'], 'local.followpaths'),
    differ: attributes['local.differ'] === 'none' ? 'none' : 'metadata',
    sharedKeyHint: attributes['local.sharedkeyhint'] ?? '',
  };
}

/** The session that a vertex names, which alone has its files; else all of the build's. */
function sessionsFor({ attributes }: SourceOperation, sessions: readonly BuildSession[]): readonly BuildSession[] {
  const wanted = attributes['local.session'];
  return wanted ? sessions.filter(({ id }) => id === wanted) : sessions;
}

async function bring(operation: SourceOperation, run: StepRun): Promise<LocalDirectory> {
  const request = requestOf(operation);
  const id = `transferring ${request.name}:`;
  let current = 0;
  const onTransfer = (bytes: number): void => {
    current = bytes;
    run.onStatus({ id, current, total: 0 });
  };
  let missing: unknown;
  for (const session of sessionsFor(operation, run.context.sessions)) {
    try {
      onTransfer(0);
      const directory = await session.local(request, { onTransfer, signal: run.signal });
      run.onStatus({ id, current, total: 0, isDone: true });
      return directory;
    } catch (error) {
      if (kindOf(error) !== 'not-found') throw error;
      missing = error;
    }
  }
  throw missing ?? fail('unavailable', 'no active sessions');
}

/** Directories of clients as a source of builds (`local://NAME`): to know what they are is to have them. */
export const localSource: SourceKind = {
  async pin(operation, _platform, run): Promise<PinnedSource> {
    const directory = await bring(operation, run);
    const { path, index, digest } = directory;
    let isHandedOver = false;
    return {
      key: async () => digest,
      rest: 'nothing',
      materialise: async () => {
        isHandedOver = true;
        return {
          result: { kind: 'directory', path, ...(index !== undefined && { index }) },
          release: () => directory.release(),
        };
      },
      release: () => {
        if (!isHandedOver) directory.release();
      },
    };
  },
};
