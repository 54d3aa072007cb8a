import type { ReadySet } from '#linux/epoll';
import { closeSocket, connectSocket, disconnectSocket, openSocket, receiveFrom, sendTo } from '#linux/inet-sockets';
import { inNetworkNamespace } from '#linux/namespaces';
import { Deadlines } from './deadlines.ts';
import type { Journey, Outcome } from './forwarder.ts';
import { headerBytes } from './message.ts';
import type { Upstream } from './upstream.ts';

/** Sockets with which one resolver is asked from one namespace. */
const socketLimit = 16;
const idleMs = 10_000;
const longestDatagram = 65_535;
/** Datagrams taken from one socket before others have their turn. */
const turn = 16;
const isResponse = 0x80;

interface Socket {
  readonly descriptor: number;
  /** Id of a question that is on its way -> what it is. */
  readonly pending: Map<number, Journey>;
}

interface Pool {
  readonly upstream: Upstream;
  readonly sockets: Socket[];
  readonly idle: Socket[];
}

/** Runs `body` where the resolver is asked from. */
export function whereAsked<T>({ namespacePath }: Upstream, body: () => T): T {
  return namespacePath === undefined ? body() : inNetworkNamespace(namespacePath, body);
}

/**
 * Questions to resolvers by UDP. A socket keeps the namespace in which it was opened, so a few are kept for each resolver and
 * namespace while they are used; each time that one begins anew it gets another source port, and each question another id, so
 * that a stranger cannot guess what an answer must look like.
 */
export class Exchanges {
  readonly #pools = new Map<string, Pool>();
  readonly #unused = new Deadlines<Pool>(idleMs, (pool) => this.#retire(pool));
  readonly #buffer = Buffer.alloc(longestDatagram);

  constructor(
    readonly ready: ReadySet,
    readonly outcome: Outcome,
  ) {}

  ask(journey: Journey, upstream: Upstream): void {
    const pool = this.#pool(upstream);
    const socket = this.#take(pool);
    if (socket === undefined) {
      this.outcome.failed(journey);
      return;
    }
    const { query } = journey.forwarded;
    const own = query.readUInt16BE(0);
    let id = Math.floor(Math.random() * 0x10000);
    while (socket.pending.has(id)) id = (id + 1) & 0xffff;
    socket.pending.set(id, journey);
    journey.cancel = () => this.#release(pool, socket, id);
    query.writeUInt16BE(id, 0);
    const sent = sendTo(socket.descriptor, query);
    query.writeUInt16BE(own, 0);
    if (typeof sent === 'number') return;
    this.#release(pool, socket, id);
    this.outcome.failed(journey);
  }

  next(): number | undefined {
    return this.#unused.next();
  }

  sweep(now: number): void {
    this.#unused.sweep(now);
  }

  /** Closes the sockets in a namespace. */
  leave(namespacePath: string): void {
    for (const pool of this.#pools.values()) {
      if (pool.upstream.namespacePath === namespacePath) this.#close(pool);
    }
  }

  #pool(upstream: Upstream): Pool {
    let pool = this.#pools.get(upstream.key);
    if (pool === undefined) {
      pool = { upstream, sockets: [], idle: [] };
      this.#pools.set(upstream.key, pool);
    }
    this.#unused.start(pool, performance.now());
    return pool;
  }

  /** A socket to ask with: one that nothing waits for, or else one with others under way. */
  #take(pool: Pool): Socket | undefined {
    if (pool.idle.length === 0 && pool.sockets.length < socketLimit) this.#grow(pool);
    const idle = pool.idle.pop();
    if (idle === undefined) return pool.sockets[Math.floor(Math.random() * pool.sockets.length)];
    disconnectSocket(idle.descriptor);
    if (connectSocket(idle.descriptor, pool.upstream.address) === undefined) return idle;
    pool.idle.push(idle);
    return undefined;
  }

  #grow(pool: Pool): void {
    const { upstream, sockets, idle } = pool;
    const count = Math.min(socketLimit - sockets.length, Math.max(2, sockets.length));
    const descriptors: number[] = [];
    try {
      whereAsked(upstream, () => {
        for (let index = 0; index < count; index++) descriptors.push(openSocket('udp', upstream.address));
      });
    } catch {
      // The namespace is gone, or there are no descriptors: those that there are have to do.
    }
    for (const descriptor of descriptors) {
      const socket: Socket = { descriptor, pending: new Map() };
      sockets.push(socket);
      idle.push(socket);
      this.ready.add(descriptor, 'read', () => this.#receive(pool, socket), 'level');
    }
  }

  #receive(pool: Pool, socket: Socket): void {
    for (let count = 0; count < turn; count++) {
      const received = receiveFrom(socket.descriptor, this.#buffer);
      if (received === 'later') return;
      if (typeof received === 'number') this.#arrived(pool, socket, received);
      else this.#broken(pool, socket);
    }
  }

  #arrived(pool: Pool, socket: Socket, length: number): void {
    if (length < headerBytes || ((this.#buffer[2] ?? 0) & isResponse) === 0) return;
    const id = this.#buffer.readUInt16BE(0);
    const journey = socket.pending.get(id);
    if (journey === undefined || !isAnswerTo(journey, this.#buffer, length)) return;
    this.#release(pool, socket, id);
    this.outcome.answered(journey, Buffer.from(this.#buffer.subarray(0, length)));
  }

  /** The kernel has been told that nobody is there. */
  #broken(pool: Pool, socket: Socket): void {
    for (const [id, journey] of [...socket.pending]) {
      this.#release(pool, socket, id);
      this.outcome.failed(journey);
    }
  }

  #release(pool: Pool, socket: Socket, id: number): void {
    if (!socket.pending.delete(id)) return;
    if (socket.pending.size === 0) pool.idle.push(socket);
  }

  #retire(pool: Pool): void {
    if (pool.idle.length === pool.sockets.length) this.#close(pool);
    else this.#unused.start(pool, performance.now());
  }

  #close(pool: Pool): void {
    this.#pools.delete(pool.upstream.key);
    this.#unused.delete(pool);
    for (const { descriptor } of pool.sockets) {
      this.ready.remove(descriptor);
      closeSocket(descriptor);
    }
  }
}

/** Whether the message repeats the question; one that tells of an error need not. */
function isAnswerTo({ forwarded: { query, questionEnd } }: Journey, message: Buffer, length: number): boolean {
  if (message.readUInt16BE(4) === 0) return ((message[3] ?? 0) & 0xf) !== 0;
  if (length < questionEnd) return false;
  const asked = query.toString('latin1', headerBytes, questionEnd);
  const repeated = message.toString('latin1', headerBytes, questionEnd);
  return asked === repeated || asked.toLowerCase() === repeated.toLowerCase();
}
