import { type FileHandle, open } from 'node:fs/promises';
import { fail } from '#std/errors';

/** A file that somebody writes at its end, for whoever reads it meanwhile. */
export interface GrowingFile {
  /** Where it is now: it may be renamed when it is complete, so it is to be opened at once. */
  readonly path: string;
  /**
   * Resolves when more than `beyondBytes` are there, or when it is complete, with how many there are. Rejects when no more
   * will come though more was to be expected.
   */
  grown(beyondBytes: number): Promise<{ readonly sizeBytes: number; readonly isComplete: boolean }>;
}

const readBytes = 256 * 1024;

/** Tells readers how far a file has grown. */
export class Growth {
  #sizeBytes = 0;
  #isComplete = false;
  #failure: { readonly error: unknown } | undefined;
  readonly #waiting = new Set<() => void>();

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(bytes: number): void {
    this.#sizeBytes += bytes;
    this.#wake();
  }

  complete(): void {
    this.#isComplete = true;
    this.#wake();
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  async beyond(bytes: number): Promise<{ sizeBytes: number; isComplete: boolean }> {
    for (;;) {
      if (this.#isComplete) return { sizeBytes: this.#sizeBytes, isComplete: true };
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#sizeBytes > bytes) return { sizeBytes: this.#sizeBytes, isComplete: false };
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Which bytes of a file are read; all by default. */
interface FollowedRange {
  readonly start?: number;
  /** The first that is not. */
  readonly end?: number;
  /** The file, where its reader has it open; it is closed here. */
  readonly handle?: FileHandle;
}

/** Reads a file while it grows, to its end. */
export async function* followFile(
  file: GrowingFile,
  { start = 0, end = Number.POSITIVE_INFINITY, handle: opened }: FollowedRange = {},
): AsyncGenerator<Uint8Array> {
  const handle = opened ?? (await open(file.path, 'r'));
  try {
    for (let position = start; position < end; ) {
      const { sizeBytes, isComplete } = await file.grown(position);
      const until = Math.min(sizeBytes, end);
      while (position < until) {
        const chunk = Buffer.allocUnsafe(Math.min(readBytes, until - position));
        const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
        if (bytesRead === 0) throw fail('internal', `${file.path} is shorter than it was`);
        position += bytesRead;
        yield chunk.subarray(0, bytesRead);
      }
      if (isComplete) return;
    }
  } finally {
    await handle.close();
  }
}
