import { randomBytes } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';

/** Of one client's output this much may lie on disk. */
const mostFileBytes = 1024 * 1024 * 1024;
/** What waits in memory for a disk that takes nothing. */
const mostTailBytes = 4 * 1024 * 1024;
const pieceBytes = 256 * 1024;
const retryMs = 100;

/**
 * Output that a client has not taken yet, first in first out, in a file without a name. All its work goes through Bun's thread
 * pool: a disk that hangs holds up nobody but this client.
 */
export class Spool {
  readonly #directory: string;
  readonly #deliver: (bytes: Buffer) => void;
  #file: FileHandle | undefined;
  #readAt = 0;
  #writeAt = 0;
  /** What is not in the file yet. */
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #wanted = false;
  #working = false;
  #isCarrying = false;
  #failed = false;
  #closed = false;

  /** `deliver` gets each piece, once for each `want`. */
  constructor(directory: string, deliver: (bytes: Buffer) => void) {
    this.#directory = directory;
    this.#deliver = deliver;
  }

  /** Whether all that was pushed has been delivered: a piece on its way is neither in the file nor in memory. */
  get isEmpty(): boolean {
    return !this.#isCarrying && !this.#holdsBytes;
  }

  get #holdsBytes(): boolean {
    return this.#readAt !== this.#writeAt || this.#tailBytes > 0;
  }

  /** Whether no more should come: the file is as large as it may be, or the disk does not keep up. */
  get isStrained(): boolean {
    return this.#failed || this.#tailBytes > mostTailBytes || this.#writeAt > mostFileBytes;
  }

  /** Takes bytes that do not change any more. */
  push(bytes: Buffer): void {
    this.#tail.push(bytes);
    this.#tailBytes += bytes.length;
    if (this.#tailBytes >= pieceBytes) this.#start();
  }

  /** Asks for the next piece. */
  want(): void {
    this.#wanted = true;
    this.#start();
  }

  close(): void {
    this.#closed = true;
    this.#tail = [];
    this.#tailBytes = 0;
    if (!this.#working) this.#release();
  }

  #start(): void {
    if (this.#working || this.#closed) return;
    this.#working = true;
    void this.#work().catch((error: unknown) => {
      this.#isCarrying = false;
      if (!this.#failed) log('warn', 'output of a slow client cannot be kept on disk', { error: messageOf(error) });
      // What waits is in memory, and whoever writes more is held up until the client has taken it.
      this.#failed = true;
      this.#working = false;
      if (this.#closed) this.#release();
      else if (this.#wanted) setTimeout(() => this.#start(), retryMs);
    });
  }

  async #work(): Promise<void> {
    while (!this.#closed) {
      if (this.#wanted && this.#holdsBytes) {
        this.#isCarrying = true;
        const piece = this.#readAt < this.#writeAt ? await this.#read() : this.#takeTail();
        this.#wanted = false;
        this.#isCarrying = false;
        if (!this.#closed) this.#deliver(piece);
      } else if (this.#tailBytes >= pieceBytes && !this.#failed) await this.#write();
      else break;
    }
    this.#working = false;
    if (this.#closed) this.#release();
  }

  async #read(): Promise<Buffer> {
    const piece = Buffer.allocUnsafe(Math.min(this.#writeAt - this.#readAt, pieceBytes));
    const { bytesRead } = (await this.#file?.read(piece, 0, piece.length, this.#readAt)) ?? { bytesRead: 0 };
    if (bytesRead === 0) throw fail('internal', 'the file of a slow client is cut');
    this.#readAt += bytesRead;
    if (this.#readAt === this.#writeAt) {
      this.#readAt = 0;
      this.#writeAt = 0;
      this.#failed = false;
      await this.#file?.truncate(0);
    }
    return piece.subarray(0, bytesRead);
  }

  #takeTail(): Buffer {
    const tail = Buffer.concat(this.#tail);
    this.#tail = [];
    this.#tailBytes = 0;
    this.#failed = false;
    return tail;
  }

  async #write(): Promise<void> {
    this.#file ??= await openNameless(this.#directory);
    const parts = [...this.#tail];
    const bytes = Buffer.concat(parts);
    for (let written = 0; written < bytes.length; ) {
      const at = this.#writeAt + written;
      written += (await this.#file.write(bytes, written, bytes.length - written, at)).bytesWritten;
    }
    if (this.#closed) return;
    this.#writeAt += bytes.length;
    this.#tail = this.#tail.slice(parts.length);
    this.#tailBytes -= bytes.length;
  }

  #release(): void {
    const file = this.#file;
    this.#file = undefined;
    file?.close().catch(() => undefined);
  }
}

async function openNameless(directory: string): Promise<FileHandle> {
  const path = join(directory, `.spool-${randomBytes(8).toString('hex')}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}
