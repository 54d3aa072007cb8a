import { dlopen, ptr } from 'bun:ffi';
import { lazy } from '#std/lazy';
import { check } from './errno.ts';

const openLibrary = lazy(
  () =>
    dlopen('libc.so.6', {
      close: { args: ['i32'], returns: 'i32' },
      epoll_create1: { args: ['i32'], returns: 'i32' },
      epoll_ctl: { args: ['i32', 'i32', 'i32', 'ptr'], returns: 'i32' },
      epoll_wait: { args: ['i32', 'ptr', 'i32', 'i32'], returns: 'i32' },
    }).symbols,
);

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 0x1;
const EPOLLOUT = 0x4;
const EPOLLET = 0x80000000;
const maximumEvents = 256;

/**
 * A set of descriptors of which it can be asked which have become ready since the last time: epoll(7), edge-triggered unless
 * told otherwise.
 */
export class ReadySet implements Disposable {
  readonly #epoll: number;
  readonly #callbacks = new Map<number, () => void>();
  /** `struct epoll_event` is packed on x86-64 only: there the data is at offset 4, elsewhere at 8. */
  readonly #eventSize = process.arch === 'x64' ? 12 : 16;
  readonly #dataOffset = process.arch === 'x64' ? 4 : 8;
  readonly #events = Buffer.alloc(maximumEvents * 16);

  constructor() {
    this.#epoll = check('epoll_create1', openLibrary().epoll_create1(EPOLL_CLOEXEC));
  }

  /** Ends all watches; the descriptors themselves stay open. */
  [Symbol.dispose](): void {
    openLibrary().close(this.#epoll);
    this.#callbacks.clear();
  }

  /**
   * Watches a descriptor for one direction; `onReady` runs inside `poll` or `wait`: when it becomes ready, or each time, for
   * as long as it is (`level`).
   */
  add(descriptor: number, direction: 'read' | 'write', onReady: () => void, trigger: 'edge' | 'level' = 'edge'): void {
    const event = Buffer.alloc(16);
    const edge = trigger === 'edge' ? EPOLLET : 0;
    event.writeUInt32LE(((direction === 'read' ? EPOLLIN : EPOLLOUT) | edge) >>> 0, 0);
    event.writeInt32LE(descriptor, this.#dataOffset);
    check('epoll_ctl', openLibrary().epoll_ctl(this.#epoll, EPOLL_CTL_ADD, descriptor, ptr(event)));
    this.#callbacks.set(descriptor, onReady);
  }

  /** Ends the watch; must come before the descriptor is closed, else a copy of it elsewhere would keep reporting. */
  remove(descriptor: number): void {
    if (!this.#callbacks.delete(descriptor)) return;
    openLibrary().epoll_ctl(this.#epoll, EPOLL_CTL_DEL, descriptor, ptr(this.#events));
  }

  /** Calls back for every descriptor that became ready. Not for sets with a `level` in them: it would not come to an end. */
  poll(): void {
    while (this.wait(0) === maximumEvents);
  }

  /**
   * Stops the whole thread until a descriptor is ready or the time has passed (-1: forever), and calls back for those that are
   * ready then. Returns how many.
   */
  wait(timeoutMs: number): number {
    const count = openLibrary().epoll_wait(this.#epoll, ptr(this.#events), maximumEvents, timeoutMs);
    if (count <= 0) return 0;
    const ready: number[] = [];
    for (let index = 0; index < count; index++) {
      ready.push(this.#events.readInt32LE(index * this.#eventSize + this.#dataOffset));
    }
    for (const descriptor of ready) this.#callbacks.get(descriptor)?.();
    return count;
  }
}
