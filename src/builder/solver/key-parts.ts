import type { FileSelection } from '../files/types.ts';
import { canonicalDigest } from '../graph/canonical.ts';
import type { Vertex } from '../graph/vertex.ts';
import type { Result } from '../result.ts';
import type { LocalEntry } from '../session/session.ts';
import { type FileDigests, type KeyParts, shortDigest } from './causes.ts';
import { type InputKey, inputUses } from './keys.ts';

/** No more files are remembered of one copy. */
const filesMax = 20_000;

function fileDigest({ mode, uid, gid, sizeBytes, linkTarget, device, contentDigest }: LocalEntry): string {
  return shortDigest([mode, uid, gid, sizeBytes, linkTarget, device, contentDigest]);
}

/** Whether a copy of `selection` takes a path, or might: what is told of it is for people. */
function takes({ path, allowsWildcard }: FileSelection): (entry: string) => boolean {
  const wanted = path.replace(/^\/+|\/+$/g, '').replace(/^\.(?:\/|$)/, '');
  if (wanted === '' || wanted === '.') return () => true;
  const glob = allowsWildcard ? new Bun.Glob(`${wanted}{,/**}`) : undefined;
  return (entry) => entry === wanted || entry.startsWith(`${wanted}/`) || glob?.match(entry) === true;
}

function filesOf(result: Result | undefined, selection: FileSelection): FileDigests {
  if (result?.kind !== 'directory' || result.index === undefined) return undefined;
  const isTaken = takes(selection);
  const files: Record<string, string> = {};
  let count = 0;
  for (const entry of result.index.entries()) {
    if (!isTaken(entry.path)) continue;
    count += 1;
    if (count > filesMax) return undefined;
    files[entry.path] = fileDigest(entry);
  }
  return files;
}

function nameOf(vertex: Vertex | undefined): string {
  if (vertex?.operation.type !== 'source') return `the result of ${vertex?.name ?? 'nothing'}`;
  const { identifier } = vertex.operation;
  if (identifier.startsWith('docker-image://')) return 'the base image';
  return identifier.startsWith('local://context') ? 'the context' : identifier;
}

/** What a key was made of, in the words of who asks why it is another one. */
export function keyPartsOf(
  vertex: Vertex,
  key: string,
  inputKeys: readonly InputKey[],
  results: readonly (Result | undefined)[],
): KeyParts {
  const { operation } = vertex;
  const environment = operation.type === 'exec' ? operation.environment : [];
  const counted = operation.type === 'exec' ? { ...operation, environment: [], uncountedEnvironment: [] } : operation;
  const uses = inputUses(vertex);
  return {
    key,
    environment,
    operation: canonicalDigest(counted),
    bases: inputKeys.flatMap(({ key: whole }, index): [string, string][] =>
      whole === undefined ? [] : [[nameOf(vertex.inputs[index]?.vertex), whole]],
    ),
    contents: uses.flatMap(({ selections }, index) =>
      selections.map((selection, at) => ({
        name: nameOf(vertex.inputs[index]?.vertex),
        digest: inputKeys[index]?.contents[at] ?? '',
        files: filesOf(results[index], selection),
      })),
    ),
  };
}
