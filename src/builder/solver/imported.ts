import type { HeldRecord } from '../cache/build-cache.ts';
import { outputCount, outputKey } from './keys.ts';
import type { Node, OperationKey } from './node.ts';
import type { SolverParts } from './parts.ts';
import { recordOf } from './record.ts';
import type { CacheImport } from './types.ts';

/** All outputs that a cache of another place has for a key: layers that are held, or nothing. */
async function findAll(
  from: CacheImport,
  key: string,
  count: number,
  { layers }: Pick<SolverParts, 'layers'>,
  signal: AbortSignal,
): Promise<(readonly string[])[] | undefined> {
  const chains: (readonly string[])[] = [];
  for (let output = 0; output < count; output++) {
    const found = await from.find(outputKey(key, output), signal);
    if (found === undefined) {
      for (const chain of chains) layers.release(chain);
      return undefined;
    }
    chains.push(found.chain);
  }
  return chains;
}

/** Looks into the caches that a build brings along, and takes what is found into the engine's own. */
export async function imported(
  parts: SolverParts,
  node: Node,
  { key, alias }: OperationKey,
  signal: AbortSignal,
): Promise<HeldRecord | undefined> {
  const count = outputCount(node.vertex.operation);
  for (const from of node.context.cacheImports) {
    for (const name of [key, ...(alias === undefined ? [] : [alias])]) {
      const chains = await findAll(from, name, count, parts, signal);
      if (chains === undefined) continue;
      return parts.cache.add(recordOf(parts, node.vertex, { key, chains, below: new Set() }));
    }
  }
  return undefined;
}
