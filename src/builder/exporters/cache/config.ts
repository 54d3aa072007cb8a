import { type Descriptor, type HistoryEntry, parseJsonObject } from '#oci';
import { fail } from '#std/errors';
import { parseTime } from '#std/time';
import type { CacheableResult } from '../../solver/types.ts';

/** BuildKit's description of a cache, `application/vnd.buildkit.cacheconfig.v0`. */
export const cacheConfigType = 'application/vnd.buildkit.cacheconfig.v0';

/** A layer as another place has it; `id` is its chain id here. */
export interface CacheLayer {
  readonly id: string;
  readonly diffId: string;
  /** OCI's. */
  readonly mediaType: string;
  readonly digest: string;
  readonly sizeBytes: number;
  /** RFC 3339. */
  readonly createdAt?: string;
}

interface StoredLayer {
  blob?: string;
  /** Absent is the first one; -1 is none. */
  parent?: number;
  annotations?: { mediaType?: string; diffID?: string; size?: number; createdAt?: string };
}

interface StoredRecord {
  readonly layers?: readonly { readonly layer: number; readonly createdAt?: string }[];
  readonly digest?: string;
  readonly inputs?: readonly (readonly { readonly link: number }[])[];
}

export interface CacheConfig {
  readonly layers?: readonly StoredLayer[];
  readonly records?: readonly StoredRecord[];
}

/** Records of results, of which `indexOf` says at which layer they end; those that end nowhere are left out. */
export function recordsOf(
  results: readonly CacheableResult[],
  indexOf: (chain: readonly string[]) => number | undefined,
): StoredRecord[] {
  const known = results.flatMap((result) => {
    const layer = indexOf(result.chain);
    return layer === undefined ? [] : [{ result, layer }];
  });
  // What others stand on comes first: a link is the place of a record.
  const places = new Map(known.map(({ result }, place) => [result.keys[0] ?? '', place]));
  const own = known.map(({ result, layer }): StoredRecord => {
    const links = result.inputs.flatMap((input) => {
      const link = places.get(input);
      return link === undefined ? [] : [[{ link }]];
    });
    const layers = [{ layer, createdAt: result.createdAt }];
    return { layers, digest: result.keys[0] ?? '', ...(links.length > 0 && { inputs: links }) };
  });
  const others = known.flatMap(({ result, layer }) =>
    result.keys.slice(1).map((digest) => ({ layers: [{ layer, createdAt: result.createdAt }], digest })),
  );
  return [...own, ...others];
}

/** A whole cache: layers, each with the one below it, and records. */
export function makeCacheConfig(
  results: readonly CacheableResult[],
  layers: ReadonlyMap<string, CacheLayer>,
): { readonly config: CacheConfig; readonly used: readonly CacheLayer[] } {
  const places = new Map<string, number>();
  const stored: StoredLayer[] = [];
  const used: CacheLayer[] = [];
  for (const { chain } of results) {
    for (const [index, chainId] of chain.entries()) {
      const layer = layers.get(chainId);
      if (layer === undefined || places.has(chainId)) continue;
      const parent = index === 0 ? -1 : (places.get(chain[index - 1] ?? '') ?? -1);
      places.set(chainId, stored.length);
      const { digest, mediaType, diffId, sizeBytes, createdAt } = layer;
      stored.push({
        blob: digest,
        ...(parent !== 0 && { parent }),
        annotations: { mediaType, diffID: diffId, size: sizeBytes, ...(createdAt !== undefined && { createdAt }) },
      });
      used.push(layer);
    }
  }
  const records = recordsOf(results, (chain) => places.get(chain.at(-1) ?? ''));
  return { config: { layers: stored, records }, used };
}

/** What a key leads to in a cache of another place: layers, from the base up. */
export type CacheIndex = ReadonlyMap<string, readonly Omit<CacheLayer, 'id'>[]>;

const layersLimit = 125;

const isTime = (value: unknown): value is string => typeof value === 'string' && parseTime(value) !== undefined;

/** Reads a cache's description; `described` are the blobs that its manifest names. Throws `invalid-argument`. */
export function readCacheConfig(content: Uint8Array, described: readonly Descriptor[]): CacheIndex {
  const { layers = [], records = [] } = parseJsonObject(content, 'cache config') as CacheConfig;
  if (!Array.isArray(layers) || !Array.isArray(records)) throw fail('invalid-argument', 'invalid cache config');
  const byDigest = new Map(described.map((descriptor) => [descriptor.digest, descriptor]));
  const layerAt = (index: number): Omit<CacheLayer, 'id'> | undefined => {
    const layer = (layers as readonly StoredLayer[])[index];
    const descriptor = byDigest.get(layer?.blob ?? '');
    const diffId = layer?.annotations?.diffID ?? descriptor?.annotations?.['containerd.io/uncompressed'];
    if (layer?.blob === undefined || diffId === undefined) return undefined;
    const mediaType = descriptor?.mediaType ?? layer.annotations?.mediaType ?? '';
    const createdAt = layer.annotations?.createdAt;
    const sizeBytes = descriptor?.size ?? layer.annotations?.size ?? 0;
    return { diffId, digest: layer.blob, mediaType, sizeBytes, ...(isTime(createdAt) && { createdAt }) };
  };
  const chainTo = (top: number): Omit<CacheLayer, 'id'>[] | undefined => {
    const chain: Omit<CacheLayer, 'id'>[] = [];
    for (let index = top; index >= 0; index = (layers as readonly StoredLayer[])[index]?.parent ?? 0) {
      const layer = layerAt(index);
      if (layer === undefined || chain.length === layersLimit) return undefined;
      chain.unshift(layer);
      if (index === 0 && (layers as readonly StoredLayer[])[0]?.parent === undefined) return undefined;
    }
    return chain;
  };
  return indexOfRecords(records, chainTo);
}

function indexOfRecords(
  records: readonly StoredRecord[],
  chainTo: (top: number) => readonly Omit<CacheLayer, 'id'>[] | undefined,
): CacheIndex {
  const index = new Map<string, readonly Omit<CacheLayer, 'id'>[]>();
  for (const { digest, layers } of records) {
    const top = layers?.[0]?.layer;
    if (typeof digest !== 'string' || typeof top !== 'number' || index.has(digest)) continue;
    const chain = chainTo(top);
    const createdAt = layers?.[0]?.createdAt;
    if (chain === undefined) continue;
    const last = chain.length - 1;
    const dated = chain.map((layer, place) => (place === last && isTime(createdAt) ? { createdAt, ...layer } : layer));
    index.set(digest, dated);
  }
  return index;
}

/** The records of a cache that is in an image's configuration, over that image's layers; undefined when it has none. */
export function readInlineCache(config: Uint8Array, described: readonly Descriptor[]): CacheIndex | undefined {
  const {
    'moby.buildkit.cache.v0': encoded,
    rootfs,
    history,
  } = parseJsonObject(config, 'image config') as {
    'moby.buildkit.cache.v0'?: unknown;
    rootfs?: { diff_ids?: readonly string[] };
    history?: readonly HistoryEntry[] | null;
  };
  if (typeof encoded !== 'string') return undefined;
  const records: unknown = JSON.parse(Buffer.from(encoded, 'base64').toString());
  if (!Array.isArray(records)) return undefined;
  const diffIds = rootfs?.diff_ids ?? [];
  const times = (history ?? []).filter((entry) => entry.empty_layer !== true).map(({ created }) => created);
  return indexOfRecords(records as StoredRecord[], (top) => {
    if (top < 0 || top >= Math.min(diffIds.length, described.length)) return undefined;
    return described.slice(0, top + 1).map(({ digest, mediaType, size }, place) => {
      const createdAt = times[place];
      const made = isTime(createdAt) ? { createdAt } : {};
      return { diffId: diffIds[place] ?? '', digest, mediaType, sizeBytes: size, ...made };
    });
  });
}

/** What an image's configuration is to hold: JSON in base64. */
export function makeInlineCache(results: readonly CacheableResult[], chain: readonly string[]): string | undefined {
  const places = new Map(chain.map((chainId, place) => [chainId, place]));
  const records = recordsOf(results, (ended) => places.get(ended.at(-1) ?? ''));
  return records.length === 0 ? undefined : Buffer.from(JSON.stringify(records)).toString('base64');
}
