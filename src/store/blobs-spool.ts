import { type FileHandle, open } from 'node:fs/promises';
import { type GrowingFile, Growth } from './growing-file.ts';
import { isHole } from './zeroes.ts';

/** What comes as a stream, in a file of ours: it is read while it grows, and the disk is the buffer between the two. */
export class Spool {
  readonly file: GrowingFile;
  readonly #growth = new Growth();
  #isOpen = true;

  private constructor(
    readonly path: string,
    readonly handle: FileHandle,
  ) {
    this.file = { path, grown: (beyondBytes) => this.#growth.beyond(beyondBytes) };
  }

  /** Makes the file. */
  static async create(path: string): Promise<Spool> {
    return new Spool(path, await open(path, 'wx', 0o600));
  }

  get sizeBytes(): number {
    return this.#growth.sizeBytes;
  }

  /** Adds a piece at the end; one of zeroes becomes a hole, which a reader finds as long as it is. */
  async write(chunk: Uint8Array): Promise<void> {
    const start = this.sizeBytes;
    if (isHole(chunk)) {
      await this.handle.truncate(start + chunk.length);
      this.#growth.add(chunk.length);
      return;
    }
    for (let written = 0; written < chunk.length; ) {
      const { bytesWritten } = await this.handle.write(chunk, written, chunk.length - written, start + written);
      written += bytesWritten;
      this.#growth.add(bytesWritten);
    }
  }

  /** All has been written; or, with an error, no more will come, and who reads it is told why. Harmless the second time. */
  async close(failure?: { readonly error: unknown }): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (failure === undefined) this.#growth.complete();
    else this.#growth.fail(failure.error);
    await this.handle.close();
  }
}
