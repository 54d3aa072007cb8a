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
 * A set of descriptors of which it can be asked, without waiting, which have become ready since the last time: epoll(7),
 * edge-triggered.
 */
export class ReadySet {
  readonly #epoll: number;
  readonly #callbacks = new Map<number, () => void>();
  /** `struct epoll_event` is packed on x86-64 only: there the data is at offset 4, elsewhere at 8. */
  readonly #eventSize = process.arch === 'x64' ? 12 : 16;
  readonly #dataOffset = process.arch === 'x64' ? 4 : 8;
  readonly #events = Buffer.alloc(maximumEvents * 16);

  constructor() {
    this.#epoll = check('epoll_create1', openLibrary().epoll_create1(EPOLL_CLOEXEC));
  }

  /** Watches a descriptor for one direction; `onReady` runs inside `poll`. */
  add(descriptor: number, direction: 'read' | 'write', onReady: () => void): void {
    const event = Buffer.alloc(16);
    event.writeUInt32LE(((direction === 'read' ? EPOLLIN : EPOLLOUT) | EPOLLET) >>> 0, 0);
    event.writeInt32LE(descriptor, this.#dataOffset);
    check('epoll_ctl', openLibrary().epoll_ctl(this.#epoll, EPOLL_CTL_ADD, descriptor, ptr(event)));
    this.#callbacks.set(descriptor, onReady);
  }

  /** Ends the watch; must come before the descriptor is closed, else a copy of it elsewhere would keep reporting. */
  remove(descriptor: number): void {
    if (!this.#callbacks.delete(descriptor)) return;
    openLibrary().epoll_ctl(this.#epoll, EPOLL_CTL_DEL, descriptor, ptr(this.#events));
  }

  /** Calls back for every descriptor that became ready. */
  poll(): void {
    for (;;) {
      const count = openLibrary().epoll_wait(this.#epoll, ptr(this.#events), maximumEvents, 0);
      if (count <= 0) return;
      const ready: number[] = [];
      for (let index = 0; index < count; index++) {
        ready.push(this.#events.readInt32LE(index * this.#eventSize + this.#dataOffset));
      }
      for (const descriptor of ready) this.#callbacks.get(descriptor)?.();
      if (count < maximumEvents) return;
    }
  }
}
