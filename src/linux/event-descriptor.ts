import { ptr } from 'bun:ffi';
import { check, libc } from './errno.ts';

const withoutWaiting = 0o4000;
const closeOnExec = 0o2000000;

const library = libc({
  eventfd: { args: ['u32', 'i32'], returns: 'i32' },
  read: { args: ['i32', 'ptr', 'u64'], returns: 'i64' },
  write: { args: ['i32', 'ptr', 'u64'], returns: 'i64' },
  close: { args: ['i32'], returns: 'i32' },
});

const one = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
const count = Buffer.alloc(8);

/** By which one thread wakes another that waits for descriptors: eventfd(2). */
export class EventDescriptor implements Disposable {
  readonly descriptor = check('eventfd', library().eventfd(0, withoutWaiting | closeOnExec));
  #isOpen = true;

  /** Makes it readable. */
  signal(): void {
    if (this.#isOpen) library().write(this.descriptor, ptr(one), 8n);
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    library().close(this.descriptor);
  }
}

/** Makes it unreadable again, whoever's it is. */
export function clearEvent(descriptor: number): void {
  library().read(descriptor, ptr(count), 8n);
}
