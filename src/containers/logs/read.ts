import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { nowNs } from '#std/time';
import { type Decoder, JsonDecoder, type LineOptions } from './decode.ts';
import { LocalDecoder } from './decode-local.ts';
import { type LogFile, nextFile, openLog } from './files.ts';

const chunkBytes = 256 * 1024;

export interface ReadOptions extends LineOptions {
  readonly tail?: number;
  /** Present: goes on when the end is reached, until this says that no more will be written. */
  readonly follow?: FollowControl;
  readonly signal: AbortSignal;
  /** Called once the log is open, or known not to be there: what happens to its name no longer matters. */
  readonly onOpen?: () => void;
  /** The form of the records; Docker's JSON lines unless told. */
  readonly format?: 'json' | 'local';
}

/** How a reader learns that a log has ended. */
export interface FollowControl {
  /** Whether the writer has ended; what it wrote is then in the file. */
  ended(): boolean;
  /** Calls back when `ended` may have changed. */
  onChange(listener: () => void): Disposable;
}

/**
 * A watch of files tells of changes, but not of each: of one that follows another at once nothing is heard. So a reader
 * looks again by itself, soon after the last change and then ever less often.
 */
const firstPauseMs = 25;
const longestPauseMs = 4000;

/** The longest that a timer can be set to. */
const longestTimerMs = 2 ** 31 - 1;

/** Sleeps until something in the log's directory, the container or the signal changes, or may have; nothing is missed. */
class Bell implements Disposable {
  #rung = false;
  #pauseMs = firstPauseMs;
  #wake: (() => void) | undefined;
  readonly #stack = new DisposableStack();

  constructor(path: string, follow: FollowControl, { signal, untilNs }: ReadOptions) {
    const name = basename(path);
    if (untilNs !== undefined) {
      const delayMs = Number(untilNs - nowNs()) / 1e6;
      const timer = setTimeout(() => this.#ring(), Math.min(Math.max(delayMs, 0) + 1, longestTimerMs));
      this.#stack.defer(() => clearTimeout(timer));
    }
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
    if (!this.#rung) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, this.#pauseMs);
      await promise;
      clearTimeout(timer);
    }
    this.#pauseMs = this.#rung ? firstPauseMs : Math.min(this.#pauseMs * 2, longestPauseMs);
    this.#wake = undefined;
    this.#rung = false;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/**
 * Reads a log, rotated files first, and yields chunks ready to send. A line appears once, also when the log
 * is rotated meanwhile; with `follow` it goes on until the writer has ended or the signal aborts.
 */
export async function* readLog(path: string, options: ReadOptions): AsyncGenerator<Uint8Array> {
  const { follow, signal } = options;
  const { format = 'json', untilNs } = options;
  const decoder: Decoder = format === 'json' ? new JsonDecoder(options) : new LocalDecoder(options);
  using bell = follow === undefined ? undefined : new Bell(path, follow, options);
  // Only an end that was there before the log was looked for says that there is none.
  let wasEnded = follow?.ended() ?? true;
  let start = await openLog(path, format, options.tail);
  while (start === undefined && !wasEnded && follow !== undefined && bell !== undefined && !signal.aborted) {
    if (!follow.ended()) await bell.wait();
    wasEnded = follow.ended();
    start = await openLog(path, format, undefined);
  }
  options.onOpen?.();
  if (start === undefined) return;
  let { file, offset } = start;
  let next: LogFile | undefined;
  let buffer = Buffer.allocUnsafe(chunkBytes);
  try {
    while (!signal.aborted && !decoder.past) {
      wasEnded = follow?.ended() ?? true;
      const bytesRead = await file.read(buffer, buffer.length, offset);
      const { output, consumed } = decoder.decode(buffer.subarray(0, bytesRead));
      offset += consumed;
      if (output.length > 0) yield output;
      if (consumed > 0) continue;
      if (bytesRead === buffer.length) {
        buffer = Buffer.allocUnsafe(buffer.length * 2);
        continue;
      }
      if (next !== undefined) {
        file[Symbol.dispose]();
        file = next;
        offset = 0;
        next = undefined;
        continue;
      }
      next = await nextFile(path, file);
      // What was written between the last read and the rotation is still to come.
      if (next !== undefined) continue;
      // Only an end that was there before the last read says that the read saw everything.
      if (wasEnded || bell === undefined || (untilNs !== undefined && nowNs() > untilNs)) return;
      await bell.wait();
    }
  } finally {
    next?.[Symbol.dispose]();
    file[Symbol.dispose]();
  }
}
