import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { LineDecoder, type LineOptions } from './decode.ts';
import { nextFile, openLog } from './files.ts';

const chunkBytes = 256 * 1024;

export interface ReadOptions extends LineOptions {
  readonly tail?: number;
  /** Present: goes on when the end is reached, until this says that no more will be written. */
  readonly follow?: FollowControl;
  readonly signal: AbortSignal;
}

/** How a reader learns that a log has ended. */
export interface FollowControl {
  /** Whether the writer has ended; what it wrote is then in the file. */
  ended(): boolean;
  /** Calls back when `ended` may have changed. */
  onChange(listener: () => void): Disposable;
}

/** Sleeps until something in the log's directory, the container or the signal changes; nothing that happened before is missed. */
class Bell implements Disposable {
  #rung = false;
  #wake: (() => void) | undefined;
  readonly #stack = new DisposableStack();

  constructor(path: string, follow: FollowControl, signal: AbortSignal) {
    const name = basename(path);
    const watcher = watch(dirname(path), (_event, file) => {
      if (file === null || String(file).startsWith(name)) this.#ring();
    });
    watcher.on('error', () => this.#ring());
    this.#stack.defer(() => watcher.close());
    this.#stack.use(follow.onChange(() => this.#ring()));
    const onAbort = (): void => this.#ring();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#stack.defer(() => signal.removeEventListener('abort', onAbort));
  }

  #ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(): Promise<void> {
    if (!this.#rung) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
    this.#rung = false;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/**
 * Reads a json-file log, rotated files first, and yields chunks ready to send. A line appears once, also when the log
 * is rotated meanwhile; with `follow` it goes on until the writer has ended or the signal aborts.
 */
export async function* readLog(path: string, options: ReadOptions): AsyncGenerator<Uint8Array> {
  const { follow, signal } = options;
  const decoder = new LineDecoder(options);
  using bell = follow === undefined ? undefined : new Bell(path, follow, signal);
  let start = await openLog(path, options.tail);
  while (start === undefined && follow !== undefined && bell !== undefined && !signal.aborted) {
    if (follow.ended()) return;
    await bell.wait();
    start = await openLog(path, undefined);
  }
  if (start === undefined) return;
  let { file, offset } = start;
  let buffer = Buffer.allocUnsafe(chunkBytes);
  try {
    while (!signal.aborted && !decoder.past) {
      const wasEnded = follow?.ended() ?? true;
      const bytesRead = await file.read(buffer, buffer.length, offset);
      const { output, consumed } = decoder.decode(buffer.subarray(0, bytesRead));
      offset += consumed;
      if (output.length > 0) yield output;
      if (consumed > 0) continue;
      if (bytesRead === buffer.length) {
        buffer = Buffer.allocUnsafe(buffer.length * 2);
        continue;
      }
      const next = await nextFile(path, file);
      if (next !== undefined) {
        file[Symbol.dispose]();
        file = next;
        offset = 0;
        continue;
      }
      // Only an end that was there before the last read says that the read saw everything.
      if (wasEnded || bell === undefined) return;
      await bell.wait();
    }
  } finally {
    file[Symbol.dispose]();
  }
}
