import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Digester } from '#oci';
import { inTurns } from '#std/in-turns';
import { type Blobs, type Compression, compressionOf, detectCompression, gzip, packLayer, Spool, zstd } from '#store';
import type { StoredLayer } from './catalogue.ts';
import { type LayerStores, tarOfLayer } from './layer-content.ts';
import { verified } from './verified.ts';

/** How a layer is to be packed for somebody else. */
export interface Packing {
  readonly compression: 'none' | 'gzip' | 'zstd';
  readonly level?: number;
  /** Also a layer that is here compressed otherwise, because it came so, is packed anew. */
  readonly isForced?: boolean;
  /** Later times of files are set back to that one: it is another layer then, of another diff id. */
  readonly modifiedLimitSeconds?: number;
}

/** A layer as it goes to a registry or into an archive. */
export interface PackedLayer {
  readonly diffId: string;
  /** `application/vnd.oci.image.layer.v1.tar`, `…+gzip`, `…+zstd`. */
  readonly mediaType: string;
  readonly digest: string;
  readonly sizeBytes: number;
  /** Its bytes, as often as they are wanted; they end in an error when they are damaged. The layer has to be held meanwhile. */
  read(): AsyncIterable<Uint8Array>;
  /** To be called once it is no more wanted. */
  discard(): Promise<void>;
}

const layerType = 'application/vnd.oci.image.layer.v1.tar';
const suffixes: Readonly<Partial<Record<Compression, string>>> = { none: '', gzip: '+gzip', zstd: '+zstd' };

async function storedCompression(blobs: Blobs, digest: string): Promise<Compression> {
  const { start, source } = await detectCompression(blobs.read(digest));
  await source[Symbol.asyncIterator]().return?.();
  return compressionOf(start);
}

/** The blob that is here, where it is packed as is wanted, or may be so. */
async function asItIs(
  { blobs }: LayerStores,
  { blob, diffId }: StoredLayer,
  { compression, level, isForced = false }: Packing,
): Promise<PackedLayer | undefined> {
  const sizeBytes = blob === undefined ? undefined : blobs.sizeBytes(blob);
  if (blob === undefined || sizeBytes === undefined) return undefined;
  const found = await storedCompression(blobs, blob);
  // What we compressed ourselves with zstd is for this host alone, unless that is what is wanted.
  const isFit = found === compression ? !isForced || level === undefined : !isForced && found === 'gzip';
  if (!isFit || suffixes[found] === undefined) return undefined;
  return {
    diffId,
    mediaType: layerType + suffixes[found],
    digest: blob,
    sizeBytes,
    read: () => verified(blobs, blob),
    discard: async () => undefined,
  };
}

async function* digested(source: AsyncIterable<Uint8Array>, digester: Digester): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    digester.update(chunk);
    yield chunk;
  }
}

/** Packs it into a file that is gone once it is no more wanted. */
async function anew(
  stores: LayerStores,
  layer: StoredLayer,
  packing: Packing,
  signal: AbortSignal,
): Promise<PackedLayer> {
  const { blobs, snapshots } = stores;
  const { compression, level, modifiedLimitSeconds } = packing;
  const [tarDigester, digester] = [new Digester(), new Digester()];
  const tar =
    modifiedLimitSeconds === undefined
      ? tarOfLayer(stores, layer)
      : inTurns(packLayer(snapshots.layerPath(layer.id), { modifiedLimitSeconds }));
  const plain = digested(tar, tarDigester);
  const packed = compression === 'gzip' ? gzip(plain, level) : compression === 'zstd' ? zstd(plain, level) : plain;
  const spool = await Spool.create(blobs.newPath());
  try {
    for await (const chunk of digested(packed, digester)) {
      signal.throwIfAborted();
      await spool.write(chunk);
    }
  } catch (error) {
    await rm(spool.path, { force: true });
    throw error;
  } finally {
    await spool.close();
  }
  return {
    diffId: tarDigester.finish(),
    mediaType: layerType + suffixes[compression],
    digest: digester.finish(),
    sizeBytes: spool.sizeBytes,
    read: () => createReadStream(spool.path),
    discard: () => rm(spool.path, { force: true }),
  };
}

/** Packs a layer, with as little work as that takes. */
export async function packStoredLayer(
  stores: LayerStores,
  layer: StoredLayer,
  packing: Packing,
  signal: AbortSignal,
): Promise<PackedLayer> {
  if (packing.modifiedLimitSeconds !== undefined) return anew(stores, layer, packing, signal);
  const present = await asItIs(stores, layer, packing);
  if (present !== undefined) return present;
  if (packing.compression !== 'none') return anew(stores, layer, packing, signal);
  const { diffId, tarSizeBytes } = layer;
  const read = () => tarOfLayer(stores, layer);
  return {
    diffId,
    mediaType: layerType,
    digest: diffId,
    sizeBytes: tarSizeBytes,
    read,
    discard: async () => undefined,
  };
}
