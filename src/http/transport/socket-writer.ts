import type { Socket } from 'node:net';
import { fail } from '#std/errors';

/** Writes to a socket with back-pressure: a write is done when the socket takes more. */
export class SocketWriter {
  readonly #socket: Socket;
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
    if (this.#socket.write(chunk)) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
    if (this.#closed) throw fail('cancelled', 'the client went away');
  }
}
