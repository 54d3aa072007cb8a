import type { Socket } from 'node:net';

/** Bytes kept of a client that sends faster than it is read; the kernel holds the rest, and then the client. */
const highWaterBytes = 256 * 1024;

/**
 * Pulls bytes out of a socket, whatever they are: heads, bodies, the raw stream of a hijacked connection. While nobody pulls,
 * it reads on up to a bound, so that the end of a client is noticed, and then pauses the socket.
 */
export class ByteReader {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;
  /** Called once, when the client's side has ended or the socket is gone. */
  onEnd: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onEnd);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.byteLength;
    if (this.#bufferedBytes >= highWaterBytes) this.#socket.pause();
    this.#wake?.();
  };

  readonly #onEnd = (): void => {
    if (this.#ended) return;
    this.#ended = true;
    this.#wake?.();
    this.onEnd?.();
  };

  get ended(): boolean {
    return this.#ended;
  }

  /** The next bytes, as they came; undefined when there are no more. One caller at a time. */
  async read(): Promise<Buffer | undefined> {
    while (this.#chunks.length === 0) {
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const chunk = this.#chunks.shift();
    this.#bufferedBytes -= chunk?.byteLength ?? 0;
    if (this.#bufferedBytes < highWaterBytes && this.#socket.isPaused()) this.#socket.resume();
    return chunk;
  }

  /** Leaves the socket, paused, to somebody else, who reads on from here. */
  release(): void {
    this.#socket.pause();
    this.#socket.off('data', this.#onData);
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('close', this.#onEnd);
    if (this.#bufferedBytes > 0) this.#socket.unshift(Buffer.concat(this.#chunks));
    this.#chunks = [];
    this.#bufferedBytes = 0;
    this.#ended = true;
  }

  /** Gives bytes back: the next `read` returns them first. */
  unread(chunk: Buffer): void {
    if (chunk.byteLength === 0) return;
    this.#chunks.unshift(chunk);
    this.#bufferedBytes += chunk.byteLength;
  }
}
