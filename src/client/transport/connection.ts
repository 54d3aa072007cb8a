import { fail, messageOf } from '#std/errors';
import { ConnectError } from './connect-error.ts';
import type { Endpoint, EndpointTls } from './endpoint.ts';

/** Received bytes above which the peer is made to wait until they have been read. */
const receiveLimitBytes = 1024 * 1024;

/** What carries the bytes: a socket, or a program. */
interface Carrier {
  /** How many bytes were taken; what was not is offered again when `drain` tells. */
  write(bytes: Uint8Array): number;
  shutdown(): void;
  end(): void;
  pause(): void;
  resume(): void;
}

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
  #socket: Carrier | undefined;

  private constructor() {}

  /**
   * Connects to the endpoint.
   * @throws ConnectError when nothing answers there.
   */
  static async open(endpoint: Endpoint): Promise<Connection> {
    const connection = new Connection();
    try {
      connection.#socket = await connection.#connect(endpoint);
    } catch (error) {
      const refused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
      // Somebody answers there, but not one that we trust, or who trusts us.
      if (endpoint.kind === 'tcp' && endpoint.tls && !refused) {
        throw fail('unavailable', `error during connect: ${endpoint.text}: tls: ${messageOf(error)}`, error);
      }
      throw new ConnectError(endpoint, error);
    }
    return connection;
  }

  #connect(endpoint: Endpoint): Promise<Carrier> {
    if (endpoint.kind === 'command') return this.#spawn(endpoint.command);
    if (endpoint.kind === 'tcp' && endpoint.tls) return this.#connectTls(endpoint, endpoint.tls);
    const socket = this.#handler();
    return endpoint.kind === 'unix'
      ? Bun.connect({ unix: endpoint.path, socket, allowHalfOpen: true })
      : Bun.connect({ hostname: endpoint.host, port: endpoint.port, socket, allowHalfOpen: true });
  }

  #handler(): Bun.SocketHandler<undefined> {
    return {
      binaryType: 'uint8array',
      data: (_, bytes) => this.#receive(bytes),
      drain: () => this.#wake(),
      end: () => this.#end(),
      close: () => {
        this.#closed = true;
        this.#end();
      },
      error: (_, error) => {
        this.#failure = error;
        this.#end();
      },
      // Without a handler of its own a failed connect is reported twice.
      connectError: () => undefined,
    };
  }

  /** The connection is there when both sides have shown their certificates, and ours was told what is wrong with theirs. */
  #connectTls(endpoint: Endpoint & { kind: 'tcp' }, tls: EndpointTls): Promise<Carrier> {
    const { ca, cert, key, verify } = tls;
    const given = Object.fromEntries(Object.entries({ ca, cert, key }).filter(([, value]) => value !== undefined));
    return new Promise<Carrier>((resolve, reject) => {
      const socket: Bun.SocketHandler<undefined> = {
        ...this.#handler(),
        handshake: (opened, success, problem) => {
          if (success || (!verify && problem === null)) resolve(opened);
          else reject(problem ?? fail('unavailable', 'the TLS handshake failed'));
        },
        close: (_, error) => {
          this.#closed = true;
          this.#end();
          reject(error ?? fail('unavailable', 'the engine closed the connection during the TLS handshake'));
        },
      };
      Bun.connect({
        hostname: endpoint.host,
        port: endpoint.port,
        socket,
        allowHalfOpen: true,
        tls: { ...given, rejectUnauthorized: verify, serverName: endpoint.host },
      }).catch(reject);
    });
  }

  /** A program's input and output as the two directions; its own words about a failure go to our standard error. */
  async #spawn(command: readonly string[]): Promise<Carrier> {
    const child = Bun.spawn([...command], { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' });
    const pump = async (): Promise<void> => {
      for await (const bytes of child.stdout) {
        this.#receive(bytes);
        while (this.#paused && !this.#closed) await new Promise<void>((resolve) => setTimeout(resolve, 1));
      }
    };
    void pump()
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => this.#end());
    return {
      write: (bytes) => {
        child.stdin.write(bytes);
        // Its failure shows as the end of what the program says.
        void Promise.resolve(child.stdin.flush()).catch(() => undefined);
        return bytes.length;
      },
      shutdown: () => void Promise.resolve(child.stdin.end()).catch(() => undefined),
      end: () => child.kill(),
      pause: () => undefined,
      resume: () => undefined,
    };
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
