import type { BuildCache } from '../cache/build-cache.ts';
import type { HeldOutputs } from './held.ts';
import { aliasKey, type InputKey, inputUses, outputKey, vertexKey } from './keys.ts';
import type { Node, OperationKey } from './node.ts';
import { presentTime } from './report.ts';
import type { ContentSelection, Steps } from './steps.ts';
import { tellFailure } from './tell.ts';

/** What a key is found with. */
export interface KeySource {
  readonly cache: Pick<BuildCache, 'find'>;
  readonly digest: Steps['digest'];
  readonly signalOf: (node: Node) => AbortSignal;
  /** Works a vertex out, or finds it. */
  made(node: Node): Promise<HeldOutputs>;
  /** What an operation is known by; found once. */
  keyOf(node: Node): Promise<OperationKey>;
  /** Whether it has to be done although it is known. */
  mustRun(node: Node): boolean;
}

/** Names what an output is. One that comes anew has to come first: it may be other than before. */
export async function keyOfOutput(from: KeySource, node: Node, output: number): Promise<string> {
  if (node.pinned !== undefined) return outputKey(await (await node.pinned).key(), output);
  if (from.mustRun(node)) await from.made(node);
  const { key } = await from.keyOf(node);
  return from.cache.find(key)?.outputs[output]?.key ?? outputKey(key, output);
}

function isClientDirectory({ vertex: { operation } }: Node): boolean {
  return operation.type === 'source' && operation.identifier.startsWith('local://');
}

/** There is one where inputs count by contents that would have to be made first; a client's files are there anyway. */
async function findAlias(from: KeySource, node: Node): Promise<string | undefined> {
  const uses = inputUses(node.vertex);
  const byContents = node.inputs.filter((_, index) => (uses[index]?.selections.length ?? 0) > 0);
  if (byContents.length === 0 || byContents.some((input) => isClientDirectory(input.node))) return undefined;
  return aliasKey(
    node.vertex,
    await Promise.all(node.inputs.map((input) => keyOfOutput(from, input.node, input.output))),
  );
}

async function contentsOf(
  from: KeySource,
  node: Node,
  input: Node['inputs'][number],
  selections: readonly ContentSelection[],
): Promise<string[]> {
  if (selections.length === 0) return [];
  const held = await from.made(input.node);
  const signal = from.signalOf(node);
  try {
    const result = held.result(input.output);
    const found = await Promise.all(
      selections.map((selection) => from.digest(result, selection, { signal, listsFiles: false })),
    );
    return found.map(({ digest }) => digest);
  } catch (error) {
    node.report.take({ kind: 'started', at: presentTime() });
    throw tellFailure(node, error, 'failed to compute cache key: ');
  }
}

/** Finds the key of an operation: by its alias, or by what counts of its inputs, of which some have to be made for it. */
export async function findKey(from: KeySource, node: Node): Promise<OperationKey> {
  const uses = inputUses(node.vertex);
  const alias = await findAlias(from, node);
  const known = alias === undefined || from.mustRun(node) ? undefined : from.cache.find(alias);
  if (known !== undefined && alias !== undefined) return { key: known.id, alias };
  const inputs = await Promise.all(
    node.inputs.map(async (input, index): Promise<InputKey> => {
      const { isWhole, selections } = uses[index] ?? { isWhole: false, selections: [] };
      const [key, contents] = await Promise.all([
        isWhole ? keyOfOutput(from, input.node, input.output) : undefined,
        contentsOf(from, node, input, selections),
      ]);
      return { ...(key !== undefined && { key }), contents };
    }),
  );
  return { key: vertexKey(node.vertex, inputs), ...(alias !== undefined && { alias }), inputs };
}
