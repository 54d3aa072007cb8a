import type { Socket } from 'node:net';
import { fail } from '#std/errors';

/** How seldom it is looked whether a client that takes nothing has gone on. */
const maximumFlushPauseMs = 64;

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
   * Waits until the kernel has all that was sent, however long the client takes for it, or the connection is gone. The stream
   * holds some of it (`writableLength`), and Bun (1.4) more that it calls written: what it holds of a connection whose client
   * has closed its half is dropped when that is ended.
   */
  async flush(): Promise<void> {
    for (
      let pauseMs = 1;
      !this.#closed && !this.#socket.destroyed;
      pauseMs = Math.min(pauseMs * 2, maximumFlushPauseMs)
    ) {
      if (this.#socket.writableLength === 0 && this.#socket.bytesWritten >= this.#sentBytes) return;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
