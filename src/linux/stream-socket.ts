import { ptr } from 'bun:ffi';
import { constants } from 'node:os';
import { check, lastErrno, libc } from './errno.ts';

const library = libc({
  fcntl: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
  send: { args: ['i32', 'ptr', 'u64', 'i32'], returns: 'i64' },
  shutdown: { args: ['i32', 'i32'], returns: 'i32' },
});

const duplicateCloseOnExec = 1030;
const neverWait = 0x40;
const noSignal = 0x4000;
const writingHalf = 1;
const { EAGAIN, EINTR, EPIPE, ECONNRESET, ENOTCONN } = constants.errno;

/** A descriptor of its own on a connected stream socket: it means that socket for as long as it is not disposed. */
export class StreamSocket implements Disposable {
  #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = check('fcntl', library().fcntl(descriptor, duplicateCloseOnExec, 0));
  }

  /** Gives the kernel what it takes now, and returns how much that was; undefined when nobody is there to read it. */
  send(bytes: Uint8Array): number | undefined {
    if (bytes.length === 0) return 0;
    for (;;) {
      const sent = Number(library().send(this.#descriptor, ptr(bytes), bytes.length, neverWait | noSignal));
      if (sent >= 0) return sent;
      const errno = lastErrno();
      if (errno === EAGAIN) return 0;
      if (errno === EPIPE || errno === ECONNRESET || errno === ENOTCONN) return undefined;
      if (errno !== EINTR) check('send', -1);
    }
  }

  /** Ends what is sent; all that the kernel has still reaches the other side. No error when that is gone. */
  end(): void {
    if (library().shutdown(this.#descriptor, writingHalf) < 0 && lastErrno() !== ENOTCONN) check('shutdown', -1);
  }

  [Symbol.dispose](): void {
    if (this.#descriptor < 0) return;
    library().close(this.#descriptor);
    this.#descriptor = -1;
  }
}
