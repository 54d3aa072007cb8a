import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from '#linux/errno';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { LogTarget } from '../protocol.ts';
import { compressRotated, shiftRotated } from './log-rotation.ts';
import type { LogSink } from './log-sink.ts';
import type { RecordFormat } from './records.ts';

/** The log file of one container. Every call goes through Bun's thread pool: a disk that hangs holds up nobody but the caller. */
export class LogFile implements LogSink {
  size = 0;
  readonly format: RecordFormat;
  readonly #target: LogTarget;
  #file: FileHandle | undefined;
  #compression: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(target: LogTarget, format: RecordFormat) {
    this.#target = target;
    this.format = format;
  }

  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  get path(): string {
    return this.#target.path;
  }

  get room(): number {
    const { maxSizeBytes } = this.#target;
    return maxSizeBytes > 0 ? maxSizeBytes - this.size : Number.POSITIVE_INFINITY;
  }

  /** Opens the file, or makes it. */
  async open(): Promise<void> {
    const { path } = this.#target;
    const flags = constants.O_RDWR | constants.O_CREAT;
    this.#file = await open(path, flags, 0o640).catch(async (error: unknown) => {
      if (!hasCode(error, 'ENOENT')) throw error;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      return open(path, flags, 0o640);
    });
    this.size = (await this.#file.stat()).size;
    // A keeper that ended in the midst of it left one uncompressed.
    this.#compress();
  }

  async append(bytes: Uint8Array): Promise<void> {
    if (this.#file === undefined) await this.open();
    const start = this.size;
    let written = 0;
    try {
      while (written < bytes.length) {
        const left = bytes.subarray(written);
        written += (await this.#handle.write(left, 0, left.length, start + written)).bytesWritten;
      }
    } catch (error) {
      await this.#handle.truncate(start).catch(() => undefined);
      throw error;
    }
    this.size = start + written;
  }

  async truncate(size: number): Promise<void> {
    await this.#handle.truncate(size);
    this.size = size;
  }

  async readFrom(start: number): Promise<Buffer> {
    const bytes = Buffer.alloc(Math.max(this.size - start, 0));
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, start);
    return bytes.subarray(0, bytesRead);
  }

  /** Starts an empty file; the full ones move to `path.1`, `path.2`, …, and the oldest beyond the bound is lost. */
  async rotate(): Promise<void> {
    const { path, maxFiles } = this.#target;
    await this.#compression;
    // A new file also where one alone is kept: whoever follows the old one reads it to its end.
    if (maxFiles <= 1) {
      await rm(path, { force: true });
    } else {
      await shiftRotated(path, maxFiles);
      await rename(path, `${path}.1`).catch((error: unknown) => {
        if (!hasCode(error, 'ENOENT')) throw error;
      });
    }
    const old = this.#file;
    await this.open();
    await old?.close();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#closing.abort();
    await this.#compression;
    await file?.close();
  }

  #compress(): void {
    const { path, compress, maxFiles } = this.#target;
    if (compress !== true || maxFiles <= 1) return;
    const work = this.#compression.then(() => compressRotated(path, this.#closing.signal));
    this.#compression = work.catch((error: unknown) => {
      if (hasCode(error, 'ENOENT') || this.#closing.signal.aborted) return;
      log('warn', 'cannot compress log', { path, error: messageOf(error) });
    });
  }

  get #handle(): FileHandle {
    if (this.#file === undefined) throw fail('internal', `log ${this.#target.path} is not open`);
    return this.#file;
  }
}
