import type { Socket } from 'node:net';
import { isWritable } from '#linux/fifo';
import { fail } from '#std/errors';

/** How seldom it is looked whether a client that takes nothing has gone on. */
const maximumFlushPauseMs = 64;
/** In how many turns of the event loop Bun hands over the most that it holds of one connection. */
const turnsOfLastBytes = 4;

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

  /**
   * Waits until the kernel has all that was sent, however long the client takes for it, or the connection is gone. The stream
   * holds some of it (`writableLength`), and Bun (1.4) more that it calls written: what it holds of a connection whose client
   * has closed its half is dropped when that is ended. It holds bytes only while the kernel takes none, and hands them over in
   * the turn of the event loop in which the kernel does again.
   */
  async flush(): Promise<void> {
    let calmTurns = 0;
    for (let pauseMs = 1; !this.#closed && !this.#socket.destroyed; ) {
      if (this.#socket.writableLength === 0 && this.#isWritable()) {
        if (calmTurns++ === turnsOfLastBytes) return;
        await new Promise((resolve) => setImmediate(resolve));
      } else {
        calmTurns = 0;
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        pauseMs = Math.min(pauseMs * 2, maximumFlushPauseMs);
      }
    }
  }

  /** Whether the kernel takes bytes now; so it is said of a connection that is gone. */
  #isWritable(): boolean {
    const descriptor = (this.#socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd;
    return descriptor === undefined || descriptor < 0 || isWritable(descriptor);
  }
}
