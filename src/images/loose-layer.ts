import { Digester } from '#oci';
import { fail } from '#std/errors';
import {
  type Blobs,
  type BlobWriter,
  type Compression,
  compress,
  decompress,
  detectCompression,
  followFile,
  type GrowingFile,
  type LayerDraft,
  type LayerUnpacker,
  type Snapshots,
  type UnpackedTree,
  unpackLayer,
} from '#store';
import { blameStream } from './stream-errors.ts';

/** A layer that is unpacked, but stands on nothing yet, and that no record names. */
export interface LooseLayer {
  readonly diffId: string;
  /** The blob that holds its tar, compressed as it came or as we did. */
  readonly blob: string;
  readonly mediaType: string;
  readonly tarSizeBytes: number;
  /** What its files take. */
  readonly sizeBytes: number;
  /** It says itself who owns its root. */
  readonly hasRoot: boolean;
  readonly draft: LayerDraft;
}

/**
 * Where a layer's tar comes from, compressed or not: a stream, or a file that is being written. The file is a blob already, or
 * becomes one (`Blobs.openPartial`), and is not kept a second time; `expectedDigest` says which, and whoever writes it
 * verifies that. It must be complete before the layer is adopted.
 */
export type LayerSource = AsyncIterable<Uint8Array> | GrowingFile;

export interface Expected {
  /** Digest of the tar. */
  readonly expectedDiffId?: string | undefined;
  /** Digest of what comes in. */
  readonly expectedDigest?: string | undefined;
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

type Compressor = ReturnType<typeof compressInto>;

async function unpackPlain(
  plain: AsyncIterable<Uint8Array>,
  compressor: Compressor | undefined,
  unpacker: LayerUnpacker,
): Promise<{ diffId: string; tarSizeBytes: number } & UnpackedTree> {
  const digester = new Digester();
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
  return { ...unpacker.close(), tarSizeBytes: digester.sizeBytes, diffId: digester.finish() };
}

/** Unpacks a layer's tar into a draft, in one pass, and sees to it that there is a blob of it. */
export async function unpackLoose(
  { blobs, snapshots }: { blobs: Blobs; snapshots: Snapshots },
  source: LayerSource,
  { expectedDiffId, expectedDigest }: Expected,
): Promise<LooseLayer> {
  const draft = snapshots.draftLayer();
  const isFile = 'grown' in source;
  const writer = isFile ? undefined : await blobs.create();
  const unpacker = unpackLayer(draft.directory);
  try {
    const detected = await detectCompression(isFile ? followFile(source) : source);
    const { compression } = detected;
    const isCompressed = compression !== 'none';
    const input = writer !== undefined && isCompressed ? copying(detected.source, writer) : detected.source;
    const compressor = writer === undefined || isCompressed ? undefined : compressInto(writer);
    const tree = await unpackPlain(isCompressed ? decompress(input, compression) : input, compressor, unpacker);
    if (expectedDiffId !== undefined && tree.diffId !== expectedDiffId) {
      throw fail('invalid-argument', `invalid diffID for layer: expected ${expectedDiffId}, got ${tree.diffId}`);
    }
    if (!isCompressed && expectedDigest !== undefined && tree.diffId !== expectedDigest) {
      throw fail('invalid-argument', `unexpected digest: expected ${expectedDigest}, got ${tree.diffId}`);
    }
    const kept = await writer?.finish(isCompressed ? expectedDigest : undefined);
    const blob = kept?.digest ?? expectedDigest;
    if (blob === undefined) throw fail('internal', 'a layer from a file needs its digest');
    const mediaType = mediaTypes[writer !== undefined && !isCompressed ? 'zstd' : compression];
    return { ...tree, blob, mediaType, draft };
  } catch (error) {
    draft.discard();
    throw error;
  } finally {
    unpacker.abandon();
    await writer?.discard();
  }
}
