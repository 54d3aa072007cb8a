import type { Duplex } from 'node:stream';
import { control } from '#build-api';
import type { BuildSession } from '#builder';
import {
  connectGrpc,
  duplexOfHandler,
  failCall,
  type GrpcClientConnection,
  type Implementation,
  implement,
  type Metadata,
} from '#grpc';
import { fail } from '#std/errors';
import { ClientSession, type LocalsOf } from './client-session.ts';
import { watchClient } from './heartbeat.ts';

/** What a client says of a session that it opens. */
export interface SessionOffer {
  readonly id: string;
  readonly name: string;
  /** What the client's later builds share with this one; empty for nothing. */
  readonly sharedKey: string;
  /** Paths of the gRPC methods that it serves. */
  readonly methods: readonly string[];
}

/** How long a build waits for a session that is on its way. */
const arrivalMs = 5000;
const headerPrefix = 'x-docker-expose-session-';

interface OpenSession {
  readonly session: BuildSession;
  readonly connection: GrpcClientConnection;
}

/** The sessions of clients: those that are open, by their ids. */
export class Sessions {
  readonly #open = new Map<string, OpenSession>();
  readonly #awaited = new Map<string, Set<() => void>>();
  readonly #locals: LocalsOf;

  constructor(locals: LocalsOf) {
    this.#locals = locals;
  }

  /** Throws `invalid-argument` when there is one of that id; else gives who takes its connection. */
  offer(offer: SessionOffer): (connection: Duplex) => Promise<void> {
    this.#requireNew(offer.id);
    return (connection) => this.#serve(offer, connection);
  }

  /** The session of that id, also one that comes within the next seconds. Throws in BuildKit's words when none does. */
  async find(id: string, signal: AbortSignal): Promise<BuildSession> {
    const there = this.#open.get(id);
    if (there !== undefined) return there.session;
    signal.throwIfAborted();
    const { promise: woken, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    const timer = setTimeout(wake, arrivalMs);
    const waiting = this.#awaited.get(id) ?? new Set();
    this.#awaited.set(id, waiting.add(wake));
    signal.addEventListener('abort', wake);
    try {
      await woken;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      waiting.delete(wake);
      if (waiting.size === 0 && this.#awaited.get(id) === waiting) this.#awaited.delete(id);
    }
    signal.throwIfAborted();
    const come = this.#open.get(id);
    if (come === undefined)
      throw failCall('deadline-exceeded', `no active session for ${id}: context deadline exceeded`);
    return come.session;
  }

  /** `Control.Session`: a session whose connection is a call. */
  get service(): Implementation {
    return implement(control.controlService, {
      Session: async (stream, { metadata, signal }) => {
        const take = this.offer(offerOf(metadata));
        const { duplex, over } = duplexOfHandler(stream);
        signal.addEventListener('abort', () => duplex.destroy());
        await Promise.all([take(duplex), over]);
      },
    });
  }

  /** Ends all. */
  close(): void {
    for (const { connection } of this.#open.values()) connection.close();
  }

  #requireNew(id: string): void {
    if (this.#open.has(id)) throw fail('invalid-argument', `session ${id} already exists`);
  }

  async #serve(offer: SessionOffer, duplex: Duplex): Promise<void> {
    const connection = connectGrpc(duplex);
    // Two of one id may have come at once.
    if (this.#open.has(offer.id)) return connection.close();
    const session = new ClientSession(offer, connection, this.#locals);
    this.#open.set(offer.id, { session, connection });
    for (const wake of this.#awaited.get(offer.id) ?? []) wake();
    watchClient(connection);
    await connection.closed;
    this.#open.delete(offer.id);
  }
}

function offerOf(metadata: Metadata): SessionOffer {
  const all = (name: string) => metadata.get(`${headerPrefix}${name}`) ?? [];
  return {
    id: all('uuid')[0] ?? '',
    name: all('name')[0] ?? '',
    sharedKey: all('sharedkey')[0] ?? '',
    methods: all('grpc-method'),
  };
}
