import { createHash } from 'node:crypto';
import type { BuildLayers } from '#images';
import type { CacheRecord } from '../types.ts';
import type { BuildCache } from './build-cache.ts';
import type { BuildRecord } from './build-records.ts';
import type { Shelf } from './shelf.ts';

/** What the cache consists of. */
export interface CacheParts {
  readonly cache: BuildCache;
  readonly layers: Pick<BuildLayers, 'hold' | 'release' | 'imageLayers'>;
  readonly shelves: readonly Shelf[];
}

/** A record with what it takes to remove it. */
export interface CacheItem {
  readonly shown: CacheRecord;
  readonly lastUsedMs: number;
  /** The last layers of its outputs: whatever has them below stands on it. Empty for what is no result. */
  readonly tops: readonly string[];
  remove(): Promise<boolean>;
}

const nameLength = 25;

/** A name as BuildKit gives them: 25 digits and small letters. */
function shownId(kind: string, id: string): string {
  const digest = createHash('sha256').update(`${kind} ${id}`).digest('hex').slice(0, 34);
  return BigInt(`0x${digest}`).toString(36).padStart(nameLength, '0').slice(-nameLength);
}

/** The sizes of layers that no record made: images that were fetched for builds have been removed since. */
function orphans(records: readonly BuildRecord[], known: ReadonlySet<string>, layers: CacheParts['layers']) {
  const found = new Map<string, Map<string, number>>();
  const seen = new Set(known);
  for (const record of records.toSorted((one, other) => depthOf(one) - depthOf(other))) {
    for (const { chain } of record.outputs) {
      if (chain.every((chainId) => seen.has(chainId))) continue;
      const held = layers.hold(chain) ?? [];
      for (const { chainId, sizeBytes } of held) {
        if (seen.has(chainId)) continue;
        seen.add(chainId);
        found.set(record.id, (found.get(record.id) ?? new Map()).set(chainId, sizeBytes));
      }
      if (held.length > 0) layers.release(chain);
    }
  }
  return found;
}

function depthOf({ outputs }: BuildRecord): number {
  return Math.max(0, ...outputs.map(({ chain }) => chain.length));
}

/** What each record has made; a layer that several have made counts for the first of them. */
function sizesOf({ cache, layers }: CacheParts): Map<string, { sizeBytes: number; isShared: boolean }> {
  const inImages = layers.imageLayers();
  const records = cache.all();
  const counted = new Set<string>(inImages);
  for (const record of records) for (const { chainId } of record.layers) counted.add(chainId);
  const extra = orphans(records, counted, layers);
  const seen = new Set<string>(inImages);
  const sizes = new Map<string, { sizeBytes: number; isShared: boolean }>();
  for (const record of records) {
    let sizeBytes = 0;
    for (const [chainId, bytes] of [
      ...record.layers.map((layer): [string, number] => [layer.chainId, layer.sizeBytes]),
      ...(extra.get(record.id) ?? []),
    ]) {
      if (!seen.has(chainId)) sizeBytes += bytes;
      seen.add(chainId);
    }
    const isShared = record.layers.length > 0 && record.layers.every(({ chainId }) => inImages.has(chainId));
    const whole = record.layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
    sizes.set(record.id, { sizeBytes: isShared ? whole : sizeBytes, isShared });
  }
  return sizes;
}

function resultItem(parts: CacheParts, record: BuildRecord, size: { sizeBytes: number; isShared: boolean }): CacheItem {
  const { cache } = parts;
  const { id, parents, description, createdMs, lastUsedMs, usageCount, outputs } = record;
  return {
    shown: {
      id: shownId('result', id),
      parentIds: parents.map((parent) => shownId('result', parent)),
      type: 'regular',
      description,
      isInUse: cache.isInUse(id),
      isShared: size.isShared,
      sizeBytes: size.sizeBytes,
      createdAt: new Date(createdMs).toISOString(),
      lastUsedAt: new Date(lastUsedMs).toISOString(),
      usageCount,
    },
    lastUsedMs,
    tops: outputs.flatMap(({ chain }) => chain.at(-1) ?? []),
    async remove() {
      if (cache.isInUse(id)) return false;
      cache.remove([id]);
      return true;
    },
  };
}

function shelfItems(shelf: Shelf): CacheItem[] {
  const { type } = shelf;
  return [...shelf.list()].map(({ id, ...entry }) => ({
    shown: { ...entry, id: shownId(type, id), parentIds: [], type, isShared: false },
    lastUsedMs: Date.parse(entry.lastUsedAt),
    tops: [],
    remove: () => shelf.remove(id),
  }));
}

/** All that the cache holds. */
export function cacheItems(parts: CacheParts): CacheItem[] {
  const sizes = sizesOf(parts);
  const nothing = { sizeBytes: 0, isShared: false };
  return [
    ...parts.cache.all().map((record) => resultItem(parts, record, sizes.get(record.id) ?? nothing)),
    ...parts.shelves.flatMap(shelfItems),
  ];
}
