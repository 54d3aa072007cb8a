import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Algorithm } from './names.ts';

/** How much is gathered for one write. */
const batchBytes = 1024 * 1024;
/** After how much a sync begins beside the writing, so that little is left for the one at the end. */
const syncEveryBytes = 32 * 1024 * 1024;

/** A hash of the first `bytes` of an upload. */
export interface RunningHash {
  readonly algorithm: Algorithm;
  readonly hasher: Bun.CryptoHasher;
  bytes: number;
}

/** A hash of nothing yet. */
export function newHash(algorithm: Algorithm): RunningHash {
  return { algorithm, hasher: new Bun.CryptoHasher(algorithm), bytes: 0 };
}

/** Hashes a whole file, a piece at a time. */
export async function hashFile(path: string, algorithm: Algorithm): Promise<RunningHash> {
  const hash = newHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: batchBytes }) as AsyncIterable<Buffer>) {
    hash.hasher.update(chunk);
    hash.bytes += chunk.length;
  }
  return hash;
}

async function writeAll(file: FileHandle, chunks: Uint8Array[], position: number): Promise<void> {
  let rest = chunks;
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at);
    at += bytesWritten;
    let done = bytesWritten;
    rest = rest.flatMap((chunk) => {
      const skipped = Math.min(done, chunk.length);
      done -= skipped;
      return skipped === chunk.length ? [] : [chunk.subarray(skipped)];
    });
  }
}

/** Writes what comes to the end of an upload, one batch at a time in the background while the next one is hashed. */
export class Appender {
  readonly #file: FileHandle;
  #position: number;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #syncing: Promise<unknown> | undefined;
  #unsyncedBytes = 0;
  readonly #onWritten: (bytes: number) => void;

  /** `onWritten` is told of what others can read in the file by then. */
  constructor(file: FileHandle, position: number, onWritten: (bytes: number) => void = () => undefined) {
    this.#file = file;
    this.#position = position;
    this.#onWritten = onWritten;
  }

  /** Waits while the batch before is not written. */
  async add(chunk: Uint8Array): Promise<void> {
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.length;
    if (this.#gatheredBytes >= batchBytes) await this.#flush();
  }

  async #flush(): Promise<void> {
    await this.#writing;
    if (this.#gatheredBytes === 0) return;
    const bytes = this.#gatheredBytes;
    this.#writing = writeAll(this.#file, this.#gathered, this.#position).then(() => this.#onWritten(bytes));
    // Its failure is thrown by whoever waits for it next.
    this.#writing.catch(() => undefined);
    this.#position += this.#gatheredBytes;
    this.#unsyncedBytes += this.#gatheredBytes;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    if (this.#unsyncedBytes < syncEveryBytes || this.#syncing !== undefined) return;
    this.#unsyncedBytes = 0;
    this.#syncing = this.#file
      .datasync()
      .catch(() => undefined)
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  /** Everything is in the file, though not synced, when it resolves. */
  async end(): Promise<void> {
    try {
      await this.#flush();
      await this.#writing;
    } finally {
      await this.#syncing;
    }
  }
}

/** Syncs a file's content. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}
