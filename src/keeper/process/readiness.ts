import { ReadySet } from '#linux/epoll';
import { setSignalling } from '#linux/fifo';

const sweepIntervalMs = 1000;

/**
 * Tells when descriptors become ready, with no thread and no poll loop: the kernel sends SIGIO, and an epoll set then
 * says which they are. A slow sweep stands by for a signal that got lost.
 */
export class Readiness {
  readonly #set = new ReadySet();
  #watched = 0;
  #sweep: ReturnType<typeof setInterval> | undefined;
  readonly #poll = () => this.poll();

  constructor() {
    process.on('SIGIO', this.#poll);
    process.on('SIGCHLD', this.#poll);
  }

  /**
   * Watches a non-blocking descriptor; `onReady` runs when it became ready. `signals` false is for descriptors that
   * cannot raise SIGIO themselves, such as pidfds.
   */
  watch(descriptor: number, direction: 'read' | 'write', onReady: () => void, signals = true): void {
    this.#set.add(descriptor, direction, onReady);
    if (signals) setSignalling(descriptor, true);
    this.#watched++;
    this.#sweep ??= unref(setInterval(this.#poll, sweepIntervalMs));
  }

  /** Ends a watch; before the descriptor is closed. */
  unwatch(descriptor: number): void {
    this.#set.remove(descriptor);
    this.#watched--;
    if (this.#watched > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  /** Calls back for all that is ready now. */
  poll(): void {
    this.#set.poll();
  }
}

function unref(timer: ReturnType<typeof setInterval>): ReturnType<typeof setInterval> {
  timer.unref();
  return timer;
}
