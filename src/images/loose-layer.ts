import { rm } from 'node:fs/promises';
import { fail } from '#std/errors';
import {
  type Blobs,
  blameStream,
  type Compression,
  type GrowingFile,
  type LayerDraft,
  type Snapshots,
  Spool,
  type Unpackers,
  type UnpackResult,
} from '#store';

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
  /** Hears how many bytes of the source are done. */
  readonly onProgress?: (bytes: number) => void;
}

const mediaTypes: Readonly<Record<Compression, string>> = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  bzip2: 'application/vnd.oci.image.layer.v1.tar+bzip2',
  xz: 'application/vnd.oci.image.layer.v1.tar+xz',
};

interface Stores {
  readonly blobs: Blobs;
  readonly snapshots: Snapshots;
  readonly unpackers: Unpackers;
  /** From now on nobody removes that blob, whether it is there already or comes. */
  holdBlob(digest: string): void;
  releaseBlob(digest: string): void;
}

/** The next piece, or nothing once the signal is aborted. A race with one promise for all would keep every piece. */
function nextUnless<T>(iterator: AsyncIterator<T>, signal: AbortSignal): Promise<IteratorResult<T> | undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<T> | undefined>();
  const giveUp = (): void => resolve(undefined);
  signal.addEventListener('abort', giveUp, { once: true });
  iterator.next().then(resolve, reject);
  return promise.finally(() => signal.removeEventListener('abort', giveUp));
}

/** Writes all that comes, unless it is no more wanted. */
async function fill(spool: Spool, source: AsyncIterable<Uint8Array>, unwanted: AbortSignal): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await nextUnless(iterator, unwanted);
      if (next === undefined) {
        // Who waits for a piece that may never come does not wait for this.
        iterator.return?.()?.catch(() => undefined);
        return;
      }
      if (next.done) break;
      await spool.write(next.value);
    }
    await spool.close();
  } catch (error) {
    await spool.close({ error: blameStream(error) });
    iterator.return?.()?.catch(() => undefined);
  }
}

/** A layer is not the one that its image names. */
export function wrongDiffId(expected: string, found: string): Error {
  return fail('invalid-argument', `invalid diffID for layer: expected ${expected}, got ${found}`);
}

function verify({ diffId, inputDigest }: UnpackResult, { expectedDiffId, expectedDigest }: Expected): void {
  if (expectedDiffId !== undefined && diffId !== expectedDiffId) {
    throw wrongDiffId(expectedDiffId, diffId);
  }
  if (inputDigest !== undefined && expectedDigest !== undefined && inputDigest !== expectedDigest) {
    throw fail('invalid-argument', `unexpected digest: expected ${expectedDigest}, got ${inputDigest}`);
  }
}

/** Unpacks a layer that comes as a stream: through a file, which becomes the blob when it is compressed as it is. */
async function unpackStream(
  { blobs, unpackers, holdBlob, releaseBlob }: Stores,
  draft: LayerDraft,
  source: AsyncIterable<Uint8Array>,
  expected: Expected,
): Promise<Omit<LooseLayer, 'draft'>> {
  const spool = await Spool.create(blobs.newPath());
  const compressedPath = blobs.newPath();
  const unwanted = new AbortController();
  const filled = fill(spool, source, unwanted.signal);
  try {
    const job = { directory: draft.directory, hashesInput: true, compressedPath };
    const result = await unpackers.run(job, spool.file, expected.onProgress);
    // The rest of it says nothing, but it belongs to its digest.
    await filled;
    verify(result, expected);
    const blob = result.compressedDigest ?? result.inputDigest ?? '';
    // Before it is there: another layer of the same content may be let go at any moment.
    holdBlob(blob);
    try {
      await blobs.take(result.compressedDigest === undefined ? spool.path : compressedPath, blob);
    } catch (error) {
      releaseBlob(blob);
      throw error;
    }
    return { ...result, blob, mediaType: mediaTypes[result.compression === 'none' ? 'zstd' : result.compression] };
  } finally {
    unwanted.abort();
    await filled;
    await spool.close({ error: fail('cancelled', 'nobody wants it any more') });
    await rm(spool.path, { force: true });
    await rm(compressedPath, { force: true });
  }
}

/** Unpacks a layer's tar into a draft, and sees to it that there is a blob of it, which it holds. */
export async function unpackLoose(stores: Stores, source: LayerSource, expected: Expected): Promise<LooseLayer> {
  const draft = stores.snapshots.draftLayer();
  try {
    if (!('grown' in source)) return { ...(await unpackStream(stores, draft, source, expected)), draft };
    const blob = expected.expectedDigest;
    if (blob === undefined) throw fail('internal', 'a layer from a file needs its digest');
    const job = { directory: draft.directory, hashesInput: false };
    const result = await stores.unpackers.run(job, source, expected.onProgress);
    verify(result, expected);
    stores.holdBlob(blob);
    return { ...result, blob, mediaType: mediaTypes[result.compression], draft };
  } catch (error) {
    draft.discard();
    throw error;
  }
}
