import type { BuildRecord } from '../cache/build-records.ts';
import type { Operation } from '../graph/operation.ts';
import type { Vertex } from '../graph/vertex.ts';
import { changedOutputKey, outputKey } from './keys.ts';
import type { SolverParts } from './parts.ts';

/** As `docker buildx du` shows it. */
function descriptionOf(operation: Operation, name: string): string {
  return operation.type === 'exec' ? `mount / from exec ${operation.words.join(' ')}` : name;
}

function sameChain(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.at(-1) === other.at(-1);
}

/** The record of a result whose layers are held; `below` are the layers of what it stands on. */
export function recordOf(
  { cache, layers }: Pick<SolverParts, 'cache' | 'layers'>,
  vertex: Vertex,
  made: {
    readonly key: string;
    readonly chains: readonly (readonly string[])[];
    readonly below: ReadonlySet<string>;
    readonly parents?: readonly string[];
  },
): BuildRecord {
  const { key, chains, below, parents = [] } = made;
  const before = cache.find(key);
  const outputs = chains.map((chain, output) => {
    const earlier = before?.outputs[output];
    if (earlier === undefined) return { key: outputKey(key, output), chain };
    return { key: sameChain(earlier.chain, chain) ? earlier.key : changedOutputKey(key, output, chain), chain };
  });
  const own = new Map<string, number>();
  for (const chain of chains) {
    const held = layers.hold(chain) ?? [];
    for (const { chainId, sizeBytes } of held) if (!below.has(chainId)) own.set(chainId, sizeBytes);
    if (held.length > 0) layers.release(chain);
  }
  const nowMs = Date.now();
  return {
    id: key,
    outputs,
    aliases: [],
    parents,
    layers: [...own].map(([chainId, sizeBytes]) => ({ chainId, sizeBytes })),
    description: descriptionOf(vertex.operation, vertex.name),
    createdMs: nowMs,
    lastUsedMs: nowMs,
    usageCount: 1,
  };
}
