import { canonicalDigest } from '../graph/canonical.ts';
import type { Vertex } from '../graph/vertex.ts';
import type { Result } from '../result.ts';
import type { FileDigests, KeyParts } from './causes.ts';
import { type InputKey, inputUses } from './keys.ts';
import type { ContentSelection, Steps } from './steps.ts';

/** No more files are remembered of one copy. */
const filesMax = 20_000;

function nameOf(vertex: Vertex | undefined): string {
  if (vertex?.operation.type !== 'source') return `the result of ${vertex?.name ?? 'nothing'}`;
  const { identifier } = vertex.operation;
  if (identifier.startsWith('docker-image://')) return 'the base image';
  return identifier === 'local://context' ? 'the context' : identifier;
}

async function filesOf(
  digest: Steps['digest'],
  result: Result | undefined,
  selection: ContentSelection,
  signal: AbortSignal,
): Promise<FileDigests | undefined> {
  // Those of a client are listed already; to look through all that another step made would cost as much as the copy.
  if (result?.kind !== 'directory' || result.index === undefined) return undefined;
  const { files } = await digest(result, selection, { signal, listsFiles: true });
  return files === undefined || files.size > filesMax ? undefined : Object.fromEntries(files);
}

/** What a key was made of, in the words of who asks why it is another one. */
export async function keyPartsOf(
  digest: Steps['digest'],
  vertex: Vertex,
  { key, inputs = [] }: { readonly key: string; readonly inputs?: readonly InputKey[] },
  results: readonly Result[],
  signal: AbortSignal,
): Promise<KeyParts> {
  const { operation } = vertex;
  const environment = operation.type === 'exec' ? operation.environment : [];
  const counted = operation.type === 'exec' ? { ...operation, environment: [], uncountedEnvironment: [] } : operation;
  const contents = inputUses(vertex).flatMap(({ selections }, index) =>
    selections.map(async (selection, at) => {
      const files = await filesOf(digest, results[index], selection, signal);
      const name = nameOf(vertex.inputs[index]?.vertex);
      return { name, digest: inputs[index]?.contents[at] ?? '', ...(files !== undefined && { files }) };
    }),
  );
  return {
    key,
    environment,
    operation: canonicalDigest(counted),
    bases: inputs.flatMap(({ key: whole }, index): [string, string][] =>
      whole === undefined ? [] : [[nameOf(vertex.inputs[index]?.vertex), whole]],
    ),
    contents: await Promise.all(contents),
  };
}
