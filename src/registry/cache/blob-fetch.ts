import { type FileHandle, open } from 'node:fs/promises';
import { fail } from '#std/errors';
import { pulledStream } from '#std/pulled-stream';
import { followFile, Growth } from '#store';
import { algorithmOf } from '../names.ts';
import type { RegistryStorage } from '../storage.ts';

/** A blob that is on its way from an upstream into the storage, for as many clients as want it. */
export interface BlobFetch {
  readonly sizeBytes: number;
  /** Resolves when bytes have come; rejects when none will. */
  readonly begun: Promise<unknown>;
  /** Resolves when the blob is stored. */
  readonly stored: Promise<void>;
  /**
   * What comes, as it comes, from `start` to before `end`. The blob's last byte is given when the digest of all is known to be
   * right; where it is not, reading fails.
   */
  follow(start: number, end: number): AsyncIterable<Uint8Array>;
}

interface Wanted {
  readonly repository: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly source: AsyncIterable<Uint8Array>;
}

/** Opens a file that has the first name, or else has been given the second. */
async function openEither(first: string, second: string): Promise<FileHandle> {
  for (const path of [first, second]) {
    const file = await open(path, 'r').catch(() => undefined);
    if (file !== undefined) return file;
  }
  throw fail('unavailable', 'the blob went away while it was fetched');
}

/** Begins one. It goes on whoever leaves, and what came of one that fails is thrown away. */
export function startBlobFetch({ uploads, content }: RegistryStorage, wanted: Wanted): BlobFetch {
  const { repository, digest, sizeBytes, source } = wanted;
  const id = uploads.create(repository);
  const [part, whole] = [uploads.path(id), content.path(digest)];
  const growth = new Growth();
  const onWritten = (bytes: number): void => growth.add(Math.min(bytes, Math.max(sizeBytes - 1, 0) - growth.sizeBytes));

  async function run(): Promise<void> {
    try {
      const body = pulledStream(source);
      await uploads.append(repository, id, { body, lengthBytes: sizeBytes, algorithm: algorithmOf(digest), onWritten });
      await uploads.finish(repository, id, digest);
      growth.add(sizeBytes - growth.sizeBytes);
      growth.complete();
    } catch (error) {
      uploads.discard(id);
      growth.fail(error);
      throw error;
    }
  }
  const stored = run();
  stored.catch(() => undefined);
  const begun = growth.beyond(0);
  begun.catch(() => undefined);

  async function* follow(start: number, end: number): AsyncGenerator<Uint8Array> {
    const handle = await openEither(part, whole);
    yield* followFile({ path: part, grown: (beyond) => growth.beyond(beyond) }, { start, end, handle });
  }
  return { sizeBytes, begun, stored, follow };
}
