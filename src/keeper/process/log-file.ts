import { constants, type PathLike } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { hasCode } from '#linux/errno';
import { fail } from '#std/errors';
import type { LogTarget } from '../protocol.ts';

/**
 * The log of one container, written at known positions, so that a write that was cut short can be done over. Every
 * call goes through Bun's thread pool: a disk that hangs holds up nobody but the caller.
 */
export class LogFile {
  /** Bytes in the current file. */
  size = 0;
  readonly #target: LogTarget;
  #file: FileHandle | undefined;

  constructor(target: LogTarget) {
    this.#target = target;
  }

  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  get path(): string {
    return this.#target.path;
  }

  /** How much the current file may still grow; infinite when it is not bounded. */
  get room(): number {
    const { maxSizeBytes } = this.#target;
    return maxSizeBytes > 0 ? maxSizeBytes - this.size : Number.POSITIVE_INFINITY;
  }

  /** Opens the file, or makes it. */
  async open(): Promise<void> {
    this.#file = await open(this.#target.path, constants.O_RDWR | constants.O_CREAT, 0o640);
    this.size = (await this.#file.stat()).size;
  }

  /** Writes `bytes` at the end. When that fails nothing of them is left in the file. */
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

  /** Cuts the file. */
  async truncate(size: number): Promise<void> {
    await this.#handle.truncate(size);
    this.size = size;
  }

  /** The file's bytes from `start` to its end. */
  async readFrom(start: number): Promise<Buffer> {
    const bytes = Buffer.alloc(Math.max(this.size - start, 0));
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, start);
    return bytes.subarray(0, bytesRead);
  }

  /** Starts an empty file; the full ones move to `path.1`, `path.2`, …, and the oldest beyond the bound is lost. */
  async rotate(): Promise<void> {
    const { path, maxFiles } = this.#target;
    if (maxFiles <= 1) {
      await this.truncate(0);
      return;
    }
    for (let number = maxFiles - 2; number >= 1; number--)
      await renameIfThere(`${path}.${number}`, `${path}.${number + 1}`);
    await renameIfThere(path, `${path}.1`);
    const old = this.#file;
    await this.open();
    await old?.close();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  get #handle(): FileHandle {
    if (this.#file === undefined) throw fail('internal', `log ${this.#target.path} is not open`);
    return this.#file;
  }
}

async function renameIfThere(from: PathLike, to: PathLike): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}
