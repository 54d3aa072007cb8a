import { fail } from '#std/errors';
import { ConnectError } from './connect-error.ts';
import type { Endpoint } from './endpoint.ts';

/** Received bytes above which the peer is made to wait until they have been read. */
const receiveLimitBytes = 1024 * 1024;

/**
 * One byte stream to an engine, read by pull and written with back-pressure, each direction closed by itself (what a
 * hijacked connection needs). Over `Bun.connect` and not `node:net` or `node:http`, which cost a command 13 and 31 ms
 * of start-up where this costs 5.
 */
export class Connection {
  readonly #received: Uint8Array[] = [];
  #receivedBytes = 0;
  #paused = false;
  #ended = false;
  #closed = false;
  #failure: unknown;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;
  #socket: Bun.Socket<undefined> | undefined;

  private constructor() {}

  /**
   * Connects to the endpoint.
   * @throws ConnectError when nothing answers there.
   */
  static async open(endpoint: Endpoint): Promise<Connection> {
    const connection = new Connection();
    const socket: Bun.SocketHandler<undefined> = {
      binaryType: 'uint8array',
      data: (_, bytes) => connection.#receive(bytes),
      drain: () => connection.#wake(),
      end: () => connection.#end(),
      close: () => {
        connection.#closed = true;
        connection.#end();
      },
      error: (_, error) => {
        connection.#failure = error;
        connection.#end();
      },
      // Without a handler of its own a failed connect is reported twice.
      connectError: () => undefined,
    };
    try {
      connection.#socket =
        endpoint.kind === 'unix'
          ? await Bun.connect({ unix: endpoint.path, socket, allowHalfOpen: true })
          : await Bun.connect({ hostname: endpoint.host, port: endpoint.port, socket, allowHalfOpen: true });
    } catch (error) {
      throw new ConnectError(endpoint, error);
    }
    return connection;
  }

  /** Whether nothing more can be asked over this connection. */
  get finished(): boolean {
    return this.#ended || this.#closed;
  }

  /** The next bytes, or undefined when the peer has closed its side. */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.#received.shift();
      if (bytes) {
        this.#receivedBytes -= bytes.length;
        if (this.#paused && this.#receivedBytes <= receiveLimitBytes / 2) {
          this.#paused = false;
          this.#socket?.resume();
        }
        return bytes;
      }
      if (this.#failure !== undefined) throw fail('unavailable', `connection lost: ${String(this.#failure)}`);
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  /** Puts back bytes that belong to the next read. */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#received.unshift(bytes);
    this.#receivedBytes += bytes.length;
  }

  /** Writes all bytes; resolves when the kernel has taken them. */
  async write(bytes: Uint8Array | string): Promise<void> {
    let rest = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    while (rest.length > 0) {
      if (this.#closed || !this.#socket) throw fail('unavailable', 'connection closed by the engine');
      const written = this.#socket.write(rest);
      if (written < 0) throw fail('unavailable', 'connection closed by the engine');
      rest = rest.subarray(written);
      if (rest.length > 0) {
        await new Promise<void>((resolve) => {
          this.#wakeWriter = resolve;
        });
      }
    }
  }

  /** Tells the peer that no more bytes will come; reading goes on. */
  closeWrite(): void {
    if (!this.#closed) this.#socket?.shutdown();
  }

  /** Closes both directions. */
  close(): void {
    if (!this.#closed) this.#socket?.end();
    this.#closed = true;
    this.#end();
  }

  #receive(bytes: Uint8Array): void {
    this.#received.push(bytes);
    this.#receivedBytes += bytes.length;
    if (!this.#paused && this.#receivedBytes > receiveLimitBytes) {
      this.#paused = true;
      this.#socket?.pause();
    }
    this.#wakeReader?.();
    this.#wakeReader = undefined;
  }

  #end(): void {
    this.#ended = true;
    this.#wakeReader?.();
    this.#wakeReader = undefined;
    this.#wake();
  }

  #wake(): void {
    this.#wakeWriter?.();
    this.#wakeWriter = undefined;
  }
}
