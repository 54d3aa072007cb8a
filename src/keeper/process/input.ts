import { closeDescriptor, writeDescriptor } from '#linux/fifo';
import type { Readiness } from './readiness.ts';

/** How much input may wait before its sender is asked to pause. */
const patienceBytes = 256 * 1024;

/** What attached clients type, on its way to a process's standard input or terminal. */
export class Input {
  readonly #readiness: Readiness;
  readonly #queue: Uint8Array[] = [];
  readonly #waiting: (() => void)[] = [];
  #descriptor: number | undefined;
  #queuedBytes = 0;
  #closing = false;
  #watched = false;
  readonly #owned: boolean;
  /** Is called when the process's input has been closed. */
  onClosed: () => void = () => undefined;

  /** `owned` false: the descriptor is a terminal's master, which others use and close. */
  constructor(descriptor: number, readiness: Readiness, owned: boolean) {
    this.#descriptor = descriptor;
    this.#readiness = readiness;
    this.#owned = owned;
  }

  /** The descriptor while input is open. */
  get descriptor(): number | undefined {
    return this.#descriptor;
  }

  /** Passes on a copy of `bytes`. False when the sender should pause: `onRelief` is called when it may go on. */
  write(bytes: Uint8Array, onRelief: () => void): boolean {
    if (this.#descriptor === undefined || this.#closing) return true;
    this.#queue.push(Buffer.from(bytes));
    this.#queuedBytes += bytes.length;
    this.#flush();
    if (this.#queuedBytes <= patienceBytes) return true;
    this.#waiting.push(onRelief);
    return false;
  }

  /** Closes the process's input once everything that waits was passed on. */
  end(): void {
    this.#closing = true;
    this.#flush();
  }

  /** Drops what waits and closes. */
  close(): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    this.#descriptor = undefined;
    if (this.#watched && this.#owned) this.#readiness.unwatch(descriptor);
    if (this.#owned) closeDescriptor(descriptor);
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#relieve();
    this.onClosed();
  }

  /** Goes on writing; for a terminal, whose readiness its output watches. */
  #flush(): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const written = writeDescriptor(descriptor, first);
      if (written === undefined) {
        this.close();
        return;
      }
      this.#queuedBytes -= written;
      if (written < first.length) {
        this.#queue[0] = first.subarray(written);
        this.#wait(descriptor);
        break;
      }
      this.#queue.shift();
    }
    if (this.#queuedBytes <= patienceBytes) this.#relieve();
    if (this.#closing && this.#queue.length === 0) this.close();
  }

  #wait(descriptor: number): void {
    if (!this.#owned) {
      setTimeout(() => this.#flush(), 10);
      return;
    }
    if (this.#watched) return;
    this.#watched = true;
    this.#readiness.watch(descriptor, 'write', () => this.#flush());
  }

  #relieve(): void {
    for (const relief of this.#waiting.splice(0)) relief();
  }
}
