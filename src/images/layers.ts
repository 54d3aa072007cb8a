import { chainIdOf, Digester } from '#oci';
import { fail } from '#std/errors';
import {
  type Blobs,
  type BlobWriter,
  type Compression,
  compress,
  decompress,
  detectCompression,
  type LayerUnpacker,
  type Records,
  type Snapshots,
  unpackLayer,
} from '#store';
import type { Catalogue, StoredLayer } from './catalogue.ts';
import { blameStream } from './stream-errors.ts';

/** Takes layers in and lets them go; a layer that someone holds is not removed, whatever the records say. */
export interface Layers {
  /**
   * Reads a layer's tar, compressed or not, in one pass: hashes it, keeps it as a blob and unpacks it above `parent` (a
   * chain id). The layer is held until `release`, not yet synced and not yet recorded. Throws `invalid-argument` when
   * the stream is damaged or its content is not `expectedDiffId`.
   */
  ingest(source: AsyncIterable<Uint8Array>, parent: string | undefined, expectedDiffId?: string): Promise<StoredLayer>;
  /** Holds a layer that is recorded; undefined when it is not. */
  hold(chainId: string): StoredLayer | undefined;
  /** Lets layers go, and removes those that nothing uses any more; returns the chain ids of what it removed, top first. */
  release(chainIds: Iterable<string>): string[];
  /** Removes those of these layers that nothing uses any more, top first. */
  sweep(chainIds: readonly string[]): string[];
}

/** Thousands of small files are written without a pause in between, unless we make one: others wait for the thread. */
const turnMs = 5;
const pieceBytes = 128 * 1024;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const mediaTypes: Readonly<Record<Compression, string>> = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  bzip2: 'application/vnd.oci.image.layer.v1.tar+bzip2',
  xz: 'application/vnd.oci.image.layer.v1.tar+xz',
};

async function* copying(source: AsyncIterable<Uint8Array>, writer: BlobWriter): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    await writer.write(chunk);
    yield chunk;
  }
}

/** Compresses what is given to it into a blob, on another thread. */
function compressInto(writer: BlobWriter) {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const input = writable.getWriter();
  const done = (async () => {
    for await (const chunk of compress(readable)) await writer.write(chunk);
  })();
  done.catch(() => undefined);
  return {
    async write(chunk: Uint8Array) {
      try {
        await input.write(chunk);
      } catch (error) {
        // That nobody reads any more is not why: the reader knows.
        await done;
        throw error;
      }
    },
    async close() {
      await Promise.all([input.close(), done]);
    },
    async abandon() {
      await input.abort().catch(() => undefined);
      // Only then may the blob be closed.
      await done.catch(() => undefined);
    },
  };
}

async function unpackAndKeep(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
  writer: BlobWriter,
  unpacker: LayerUnpacker,
): Promise<{ diffId: string; tarSizeBytes: number; sizeBytes: number }> {
  const digester = new Digester();
  const compressor = compression === 'none' ? compressInto(writer) : undefined;
  const plain = compressor === undefined ? decompress(copying(source, writer), compression) : source;
  try {
    let turnBeganMs = performance.now();
    for await (const chunk of plain) {
      const compressed = compressor?.write(chunk);
      // Should unpacking fail first, this failure is of no interest.
      compressed?.catch(() => undefined);
      for (let offset = 0; offset < chunk.length; offset += pieceBytes) {
        const piece = chunk.subarray(offset, offset + pieceBytes);
        digester.update(piece);
        await unpacker.write(piece);
        if (performance.now() - turnBeganMs < turnMs) continue;
        await nextTurn();
        turnBeganMs = performance.now();
      }
      await compressed;
    }
    await compressor?.close();
  } catch (error) {
    await compressor?.abandon();
    throw blameStream(error);
  }
  if (digester.sizeBytes === 0) throw fail('invalid-argument', 'unexpected EOF');
  return { sizeBytes: unpacker.close(), tarSizeBytes: digester.sizeBytes, diffId: digester.finish() };
}

/** Layers over their three stores. */
export function createLayers(options: {
  records: Pick<Records, 'transaction'>;
  catalogue: Catalogue;
  blobs: Blobs;
  snapshots: Snapshots;
}): Layers {
  const { records, catalogue, blobs, snapshots } = options;
  const holds = new Map<string, number>();
  /** Blobs of layers that are not recorded yet. */
  const unrecorded = new Map<string, string>();

  function addHold(chainId: string): void {
    holds.set(chainId, (holds.get(chainId) ?? 0) + 1);
  }

  function isUsed(chainId: string): boolean {
    if (holds.has(chainId)) return true;
    for (const image of catalogue.images.all()) if (image.chain.includes(chainId)) return true;
    for (const rootfs of catalogue.rootfs.all()) if (rootfs.chain.includes(chainId)) return true;
    return false;
  }

  function isBlobUsed(digest: string): boolean {
    for (const layer of catalogue.layers.all()) if (layer.blob === digest) return true;
    return [...unrecorded.values()].includes(digest);
  }

  function sweep(chainIds: readonly string[]): string[] {
    const unused = [...chainIds].reverse().filter((chainId) => !isUsed(chainId));
    const freed = unused.map((chainId) => catalogue.layers.get(chainId)?.blob ?? unrecorded.get(chainId));
    // The records go first: files without a record are found at the next start, a record without files is a lie.
    records.transaction(() => {
      for (const chainId of unused) catalogue.layers.delete(chainId);
    });
    for (const chainId of unused) {
      unrecorded.delete(chainId);
      snapshots.removeLayer(chainId);
    }
    for (const digest of freed) if (digest !== undefined && !isBlobUsed(digest)) blobs.delete(digest);
    return unused;
  }

  async function ingest(
    source: AsyncIterable<Uint8Array>,
    parent: string | undefined,
    expectedDiffId?: string,
  ): Promise<StoredLayer> {
    const draft = snapshots.draftLayer(parent);
    const writer = await blobs.create();
    const unpacker = unpackLayer(draft.directory);
    try {
      const detected = await detectCompression(source);
      const { compression } = detected;
      const result = await unpackAndKeep(detected.source, compression, writer, unpacker);
      if (expectedDiffId !== undefined && result.diffId !== expectedDiffId) {
        throw fail('invalid-argument', `invalid diffID for layer: expected ${expectedDiffId}, got ${result.diffId}`);
      }
      const id = chainIdOf(parent, result.diffId);
      const known = catalogue.layers.get(id);
      if (known !== undefined && snapshots.hasLayer(id)) {
        addHold(id);
        draft.discard();
        return known;
      }
      const { digest } = await writer.finish();
      addHold(id);
      unrecorded.set(id, digest);
      draft.commit(id);
      const mediaType = mediaTypes[compression === 'none' ? 'zstd' : compression];
      return { id, blob: digest, mediaType, ...result };
    } catch (error) {
      draft.discard();
      throw error;
    } finally {
      unpacker.abandon();
      await writer.discard();
    }
  }

  return {
    ingest,
    sweep,
    hold(chainId) {
      const layer = catalogue.layers.get(chainId);
      if (layer !== undefined) addHold(chainId);
      return layer;
    },
    release(chainIds) {
      const released = [...chainIds];
      for (const chainId of released) {
        const count = (holds.get(chainId) ?? 0) - 1;
        if (count > 0) {
          holds.set(chainId, count);
        } else {
          holds.delete(chainId);
          if (catalogue.layers.get(chainId) !== undefined) unrecorded.delete(chainId);
        }
      }
      return sweep(released.filter((chainId) => !holds.has(chainId)));
    },
  };
}
