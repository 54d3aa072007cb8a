import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '#std/errors';
import { Lock } from '#std/lock';
import type { Catalogue } from './catalogue.ts';
import type { Content } from './content.ts';
import { refuse } from './failures.ts';
import { type Algorithm, algorithmOf } from './names.ts';
import { Appender, hashFile, newHash, type RunningHash, syncFile } from './upload-file.ts';

/** Where a chunk says that it belongs, both ends included. */
export interface ChunkRange {
  readonly first: number;
  readonly last: number;
}

export interface Chunk {
  readonly body: ReadableStream<Uint8Array> | null;
  readonly range?: ChunkRange;
  /** What the client says that it sends; undefined when it does not. */
  readonly lengthBytes?: number;
  readonly algorithm: Algorithm;
  /** Told of bytes that are in the upload's file. */
  readonly onWritten?: (bytes: number) => void;
}

/** Blobs that are being pushed. Each is a file that outlives the process, and goes on where that ends. */
export interface Uploads {
  create(repository: string): string;
  /** The file of one that has bytes. */
  path(id: string): string;
  /** Bytes that are there. Throws BLOB_UPLOAD_UNKNOWN. */
  offset(repository: string, id: string): number;
  /** Appends; gives the new offset. Whoever was still writing to it is cut off: a client that comes back has lost that connection. */
  append(repository: string, id: string, chunk: Chunk): Promise<number>;
  /** Makes it the blob `digest` of its repository: on disk when it resolves. With the wrong digest it is gone. */
  finish(repository: string, id: string, digest: string): Promise<void>;
  cancel(repository: string, id: string): void;
  /** Removes one, whether it is there or not. */
  discard(id: string): void;
  /** Throws away those that nobody has written to since `beforeMs` (or only tells which they are). */
  expire(beforeMs: number, dryRun?: boolean): { readonly id: string; readonly repository: string }[];
}

/** What is known of an upload while this process lives. */
interface Session {
  readonly lock: Lock;
  /** The newest writer; an older one stops. */
  claim: number;
  /** Ends the reading of whoever writes, whose client may be gone without a word. */
  stop: (() => void) | undefined;
  hash: RunningHash | undefined;
}

function checkRange({ range, lengthBytes }: Chunk, offset: number, told: () => Record<string, string>): void {
  if (range === undefined) return;
  if (range.first !== offset) {
    throw refuse('RANGE_INVALID', `the upload goes on at ${offset}, not at ${range.first}`, { headers: told() });
  }
  const spanBytes = range.last - range.first + 1;
  if (lengthBytes !== undefined && lengthBytes !== spanBytes) {
    throw refuse('SIZE_INVALID', `the range is one of ${spanBytes} bytes, but ${lengthBytes} are sent`);
  }
}

/** The header that tells a client how much of an upload is there. */
export function uploadHeaders(repository: string, id: string, offset: number): Record<string, string> {
  return {
    Location: `/v2/${repository}/blobs/uploads/${id}`,
    Range: `0-${Math.max(offset - 1, 0)}`,
    'Docker-Upload-UUID': id,
  };
}

/** Opens (and makes) the uploads under `directory`. */
export function openUploads(directory: string, catalogue: Catalogue, content: Content): Uploads {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const sessions = new Map<string, Session>();
  const path = (id: string): string => join(directory, id);
  const sizeOf = (id: string): number => statSync(path(id), { throwIfNoEntry: false })?.size ?? 0;
  for (const name of readdirSync(directory)) {
    if (catalogue.upload(name) === undefined) rmSync(path(name), { force: true });
  }

  function check(repository: string, id: string): void {
    if (catalogue.upload(id)?.repository === repository) return;
    throw refuse('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry', { detail: { uuid: id } });
  }

  function sessionOf(id: string): Session {
    const session = sessions.get(id) ?? { lock: new Lock(), claim: 0, stop: undefined, hash: undefined };
    sessions.set(id, session);
    return session;
  }

  /** Makes the caller the only one who writes. */
  function claim(session: Session): number {
    session.claim += 1;
    session.stop?.();
    return session.claim;
  }

  function remove(id: string): void {
    const session = sessions.get(id);
    if (session !== undefined) claim(session);
    sessions.delete(id);
    catalogue.removeUpload(id);
    rmSync(path(id), { force: true });
  }

  /** Takes all of a body in; what came before it broke off stays. */
  async function receive(session: Session, id: string, mine: number, chunk: Chunk, offset: number): Promise<number> {
    const file = await open(path(id), offset === 0 ? 'w' : 'r+', 0o600);
    const known = session.hash;
    const hash = offset === 0 ? newHash(chunk.algorithm) : known?.bytes === offset ? known : undefined;
    session.hash = undefined;
    const appender = new Appender(file, offset, chunk.onWritten);
    const reader = chunk.body?.getReader();
    session.stop = () => void reader?.cancel().catch(() => undefined);
    const limit = chunk.range === undefined ? Number.POSITIVE_INFINITY : chunk.range.last - chunk.range.first + 1;
    let taken = 0;
    try {
      try {
        for (;;) {
          const piece = (await reader?.read())?.value;
          if (session.claim !== mine) throw refuse('BLOB_UPLOAD_INVALID', 'another request goes on with this upload');
          if (piece === undefined) break;
          if (taken + piece.length > limit)
            throw refuse('SIZE_INVALID', `more was sent than the range's ${limit} bytes`);
          taken += piece.length;
          hash?.hasher.update(piece);
          await appender.add(piece);
        }
      } finally {
        session.stop = undefined;
        await appender.end();
        if (hash !== undefined) hash.bytes += taken;
        session.hash = hash;
      }
    } catch (error) {
      if (error instanceof Error && error.name === 'AbortError') throw fail('cancelled', 'the client went away', error);
      throw error;
    } finally {
      await file.close();
    }
    return offset + taken;
  }

  function append(repository: string, id: string, chunk: Chunk): Promise<number> {
    check(repository, id);
    const session = sessionOf(id);
    const mine = claim(session);
    return session.lock.run(async () => {
      check(repository, id);
      const offset = sizeOf(id);
      checkRange(chunk, offset, () => uploadHeaders(repository, id, offset));
      const end = await receive(session, id, mine, chunk, offset);
      const due = chunk.range === undefined ? chunk.lengthBytes : chunk.range.last - chunk.range.first + 1;
      if (due !== undefined && end - offset !== due) {
        throw refuse('SIZE_INVALID', `${due} bytes were announced, and ${end - offset} came`);
      }
      return end;
    });
  }

  function finish(repository: string, id: string, digest: string): Promise<void> {
    check(repository, id);
    const session = sessionOf(id);
    return session.lock.run(async () => {
      check(repository, id);
      const algorithm = algorithmOf(digest);
      const bytes = sizeOf(id);
      if (bytes === 0) await (await open(path(id), 'a', 0o600)).close();
      const known = session.hash;
      const isWhole = known?.algorithm === algorithm && known.bytes === bytes;
      const [hash] = await Promise.all([isWhole ? known : hashFile(path(id), algorithm), syncFile(path(id))]);
      const found = `${algorithm}:${hash.hasher.digest('hex')}`;
      // Cancelled meanwhile.
      check(repository, id);
      if (found !== digest) {
        remove(id);
        throw refuse('DIGEST_INVALID', 'provided digest did not match uploaded content', { detail: { digest, found } });
      }
      using _ = content.pin(digest);
      await content.adopt(path(id), digest);
      catalogue.finishUpload(id, repository, digest);
      sessions.delete(id);
      await catalogue.sync();
    });
  }

  return {
    path,
    create(repository) {
      const id = crypto.randomUUID();
      catalogue.addUpload(id, repository);
      return id;
    },
    offset(repository, id) {
      check(repository, id);
      return sizeOf(id);
    },
    append,
    finish,
    discard: remove,
    cancel(repository, id) {
      check(repository, id);
      remove(id);
    },
    expire(beforeMs, dryRun = false) {
      const old = catalogue.uploads().filter(({ id, startedAtMs }) => {
        const writtenAtMs = statSync(path(id), { throwIfNoEntry: false })?.mtimeMs ?? startedAtMs;
        return writtenAtMs < beforeMs && sessions.get(id)?.lock.isHeld !== true;
      });
      if (!dryRun) for (const { id } of old) remove(id);
      return old;
    },
  };
}
