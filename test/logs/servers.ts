import { dlopen, ptr } from 'bun:ffi';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { until } from '../harness/index.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

/** A unix datagram socket that receives, as the journal's is. */
export class DatagramServer implements Disposable {
  readonly #library = dlopen('libc.so.6', {
    bind: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
    close: { args: ['i32'], returns: 'i32' },
    recv: { args: ['i32', 'ptr', 'u64', 'i32'], returns: 'i64' },
    socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  }).symbols;
  readonly #socket: number;
  readonly #buffer = Buffer.alloc(128 * 1024);
  readonly #received: string[] = [];

  constructor(path: string) {
    const address = Buffer.alloc(110);
    address.writeUInt16LE(AF_UNIX, 0);
    address.write(path, 2);
    this.#socket = this.#library.socket(AF_UNIX, SOCK_DGRAM, 0);
    if (this.#library.bind(this.#socket, ptr(address), 3 + path.length) !== 0) throw new Error(`cannot bind ${path}`);
  }

  /** All datagrams so far, in order. */
  received(): string[] {
    for (;;) {
      const length = Number(
        this.#library.recv(this.#socket, ptr(this.#buffer), BigInt(this.#buffer.length), MSG_DONTWAIT),
      );
      if (length < 0) return this.#received;
      this.#received.push(this.#buffer.toString('latin1', 0, length));
    }
  }

  [Symbol.dispose](): void {
    this.#library.close(this.#socket);
  }
}

/** A server of streams that keeps what it is sent. */
export class StreamServer implements AsyncDisposable {
  #text = '';
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(server: Server, event: string) {
    this.#server = server;
    server.on(event, (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('data', (bytes) => (this.#text += bytes.toString()));
      socket.on('error', () => undefined);
    });
  }

  /** Listens, by default on a free port of the loopback; `event` is what the server calls a connection. */
  static async listen(
    server: Server = createServer(),
    event = 'connection',
    place: ListenOptions = { port: 0, host: '127.0.0.1' },
  ): Promise<StreamServer> {
    const listening = new StreamServer(server, event);
    await new Promise<void>((resolve) => server.listen(place, resolve));
    return listening;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get text(): string {
    return this.#text;
  }

  async received(part: string): Promise<string> {
    await until(`the server to receive ${part}`, () => this.#text.includes(part));
    return this.#text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
