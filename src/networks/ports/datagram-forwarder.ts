import { createSocket, type Socket } from 'node:dgram';
import { isIpv6 } from '../firewall/state.ts';

/** As long as a client that says nothing keeps its way back. */
const idleMs = 90_000;
const flowLimit = 4096;

/** The socket that speaks to the container for one client. */
interface Flow {
  readonly socket: Socket;
  lastMs: number;
}

/** Passes on the datagrams of one port: each client has a socket towards the container, so that answers find it. */
class DatagramForwarder implements Disposable {
  readonly #flows = new Map<string, Flow>();
  readonly #sweep = setInterval(() => this.#closeIdle(), idleMs / 2).unref();

  constructor(
    readonly socket: Socket,
    readonly target: { address: string; port: number },
  ) {
    socket.on('message', (data, { address, port }) => this.#forward(data, address, port));
    // What cannot be delivered is lost, as datagrams may be.
    socket.on('error', () => {});
  }

  [Symbol.dispose](): void {
    clearInterval(this.#sweep);
    for (const { socket } of this.#flows.values()) socket.close();
    this.#flows.clear();
    this.socket.close();
  }

  #forward(data: Buffer, address: string, port: number): void {
    const key = `${address} ${port}`;
    const flow = this.#flows.get(key) ?? this.#open(key, address, port);
    flow.lastMs = performance.now();
    flow.socket.send(data, this.target.port, this.target.address, () => {});
  }

  #open(key: string, address: string, port: number): Flow {
    const [oldest] = this.#flows.size >= flowLimit ? this.#flows.keys() : [];
    if (oldest !== undefined) this.#close(oldest);
    const socket = createSocket(isIpv6(this.target.address) ? 'udp6' : 'udp4');
    socket.on('message', (answer, from) => {
      if (from.port === this.target.port) this.socket.send(answer, port, address, () => {});
    });
    socket.on('error', () => {});
    const flow = { socket, lastMs: performance.now() };
    this.#flows.set(key, flow);
    return flow;
  }

  #close(key: string): void {
    this.#flows.get(key)?.socket.close();
    this.#flows.delete(key);
  }

  #closeIdle(): void {
    const before = performance.now() - idleMs;
    for (const [key, { lastMs }] of this.#flows) if (lastMs < before) this.#close(key);
  }
}

/** Takes the datagrams that reach an IPv6 address of the host, and passes them on. Rejects when it cannot be bound. */
export async function openDatagramForwarder(
  host: { address: string; port: number },
  target: { address: string; port: number },
): Promise<Disposable> {
  const socket = createSocket({ type: 'udp6', ipv6Only: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(host.port, host.address, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return new DatagramForwarder(socket, target);
}
