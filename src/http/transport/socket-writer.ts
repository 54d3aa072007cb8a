import type { Socket } from 'node:net';
import { fail } from '#std/errors';

const flushCheckMs = 2;
const flushPatienceMs = 2000;

/** Writes to a socket with back-pressure: a write is done when the socket takes more. */
export class SocketWriter {
  readonly #socket: Socket;
  #sentBytes = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('drain', () => this.#wake?.());
    socket.on('close', () => {
      this.#closed = true;
      this.#wake?.();
    });
  }

  /** Sends bytes (or latin-1 text for heads, UTF-8 for all else). Rejects with `cancelled` when the client is gone. */
  async write(chunk: Uint8Array | string): Promise<void> {
    if (this.#closed || this.#socket.destroyed) throw fail('cancelled', 'the client went away');
    this.#sentBytes += typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.byteLength;
    if (this.#socket.write(chunk)) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
    if (this.#closed) throw fail('cancelled', 'the client went away');
  }

  /**
   * Waits until the kernel has all that was sent, the client is gone, or takes nothing for a while. Bun (1.4) calls bytes written
   * that it still holds, and drops them when a connection whose client has closed its half is ended.
   */
  async flush(): Promise<void> {
    let before = -1;
    let idleMs = 0;
    while (!this.#closed && !this.#socket.destroyed && idleMs < flushPatienceMs) {
      const now = this.#socket.bytesWritten;
      if (now >= this.#sentBytes) return;
      idleMs = now > before ? 0 : idleMs + flushCheckMs;
      before = now;
      await new Promise((resolve) => setTimeout(resolve, flushCheckMs));
    }
  }
}
