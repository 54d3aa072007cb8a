import { ReadySet } from '#linux/epoll';
import { setSignalling } from '#linux/fifo';

const sweepIntervalMs = 1000;
const pollIntervalMs = 50;

/** What tells that a descriptor may be ready: SIGIO, SIGCHLD (a child's pidfd), or only a look (another's child). */
export type Notice = 'sigio' | 'sigchld' | 'poll';

/**
 * Tells when descriptors become ready, with no thread and mostly with no poll loop: the kernel sends a signal, and an
 * epoll set then says which they are. A slow sweep stands by for a signal that got lost.
 */
export class Readiness {
  readonly #set = new ReadySet();
  readonly #notices = new Map<number, Notice>();
  #polled = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #timerMs = 0;
  readonly #poll = () => this.poll();
  /** Is called after SIGCHLD, when all that is ready was called back. */
  onChild: () => void = () => undefined;

  constructor() {
    process.on('SIGIO', this.#poll);
    process.on('SIGCHLD', () => {
      this.poll();
      this.onChild();
    });
  }

  /** Watches a non-blocking descriptor; `onReady` runs when it became ready. */
  watch(descriptor: number, direction: 'read' | 'write', onReady: () => void, notice: Notice = 'sigio'): void {
    this.#set.add(descriptor, direction, onReady);
    this.#notices.set(descriptor, notice);
    if (notice === 'sigio') setSignalling(descriptor, true);
    if (notice === 'poll') this.#polled++;
    this.#setTimer();
  }

  /** Ends a watch; before the descriptor is closed. */
  unwatch(descriptor: number): void {
    const notice = this.#notices.get(descriptor);
    if (notice === undefined) return;
    this.#notices.delete(descriptor);
    this.#set.remove(descriptor);
    if (notice === 'poll') this.#polled--;
    this.#setTimer();
  }

  /** Calls back for all that is ready now. */
  poll(): void {
    this.#set.poll();
  }

  #setTimer(): void {
    const interval = this.#notices.size === 0 ? 0 : this.#polled > 0 ? pollIntervalMs : sweepIntervalMs;
    if (interval === this.#timerMs) return;
    this.#timerMs = interval;
    clearInterval(this.#timer);
    this.#timer = interval === 0 ? undefined : setInterval(this.#poll, interval);
    this.#timer?.unref();
  }
}
