import { messageOf } from '#std/errors';
import { log } from '#std/log';
import type { LogSink } from './log-sink.ts';
import type { RecordFormat } from './records.ts';

const retryMs = 500;

/**
 * A log that never makes its container wait (`mode=non-blocking`): records are taken at once, and written behind. What the
 * buffer has no room for, because the disk hangs or is full, is lost.
 */
export class BufferedLog implements LogSink {
  readonly isOpen = true;
  readonly size = 0;
  readonly room = Number.POSITIVE_INFINITY;
  readonly format: RecordFormat;
  readonly #file: LogSink;
  readonly #maxBufferBytes: number;
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | undefined;
  #complained = false;
  #closed = false;

  constructor(file: LogSink, maxBufferBytes: number) {
    this.#file = file;
    this.#maxBufferBytes = maxBufferBytes;
    this.format = file.format;
  }

  get path(): string {
    return this.#file.path;
  }

  async append(bytes: Uint8Array): Promise<void> {
    const room = this.#maxBufferBytes - this.#queuedBytes;
    const fitting = bytes.length <= room ? bytes.length : this.format.wholeRecords(bytes, room);
    if (fitting < bytes.length) this.#complain('log is written too slowly: lines are lost');
    if (fitting === 0) return;
    this.#queue.push(bytes.subarray(0, fitting));
    this.#queuedBytes += fitting;
    this.#writing ??= this.#write();
  }

  /** Resolves when all that was taken is in the file. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#file.close();
  }

  readonly open = async (): Promise<void> => {};
  readonly truncate = async (): Promise<void> => {};
  readonly rotate = async (): Promise<void> => {};
  readonly readFrom = async (): Promise<Buffer> => Buffer.alloc(0);

  #complain(message: string, error?: unknown): void {
    if (!this.#complained)
      log('warn', message, { path: this.path, ...(error !== undefined && { error: messageOf(error) }) });
    this.#complained = true;
  }

  async #write(): Promise<void> {
    for (let first = this.#queue[0]; first !== undefined && !this.#closed; first = this.#queue[0]) {
      try {
        const written = await this.#writeSome(first);
        this.#queuedBytes -= written;
        if (written === first.length) this.#queue.shift();
        else this.#queue[0] = first.subarray(written);
        this.#complained = false;
      } catch (error) {
        this.#complain('cannot write log', error);
        await Bun.sleep(retryMs);
      }
    }
    this.#writing = undefined;
  }

  /** Writes the records that the current file has room for, or one. */
  async #writeSome(bytes: Uint8Array): Promise<number> {
    const file = this.#file;
    if (!file.isOpen) await file.open();
    let fitting = this.format.wholeRecords(bytes, file.room);
    if (fitting === 0 && file.size > 0) {
      await file.rotate();
      fitting = this.format.wholeRecords(bytes, file.room);
    }
    if (fitting === 0) fitting = this.format.wholeRecords(bytes, Number.POSITIVE_INFINITY);
    await file.append(bytes.subarray(0, fitting));
    return fitting;
  }
}
