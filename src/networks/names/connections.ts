import type { ReadySet } from '#linux/epoll';
import { acceptConnection, closeSocket, receiveFrom, sendTo } from '#linux/inet-sockets';
import { Deadlines, earliest } from './deadlines.ts';
import { StreamReader } from './stream-reader.ts';

/** Docker's: how long a connection on which nothing comes stays. */
const idleMs = 8000;
/** Connections of one container at the same time; beyond, the one that was quiet for the longest time goes. */
const connectionLimit = 128;
/** For how long no connections are taken when there are no descriptors for them. */
const pauseMs = 1000;
/** Answers that a client does not take. */
const unsentLimitBytes = 256 * 1024;

/** A client's connection. */
interface Connection {
  readonly descriptor: number;
  readonly owner: StreamListener;
  readonly reader: StreamReader;
  unsent: Buffer;
  isWriting: boolean;
  isOpen: boolean;
}

/** The TCP side of one container's resolver. */
export interface StreamListener {
  readonly descriptor: number;
  readonly connections: Set<Connection>;
  /** Answers one message, at once or later; one that is to be dropped never. */
  readonly handle: (message: Buffer, answer: (message: Buffer) => void) => void;
}

/** Takes connections of containers, and reads their questions. */
export class Connections {
  readonly #idle = new Deadlines<Connection>(idleMs, (connection) => this.#close(connection));
  readonly #paused = new Deadlines<StreamListener>(pauseMs, (listener) => this.#watch(listener));

  constructor(readonly ready: ReadySet) {}

  listen(descriptor: number, handle: StreamListener['handle']): StreamListener {
    const listener: StreamListener = { descriptor, connections: new Set(), handle };
    this.#watch(listener);
    return listener;
  }

  #watch(listener: StreamListener): void {
    this.ready.add(listener.descriptor, 'read', () => this.#accept(listener), 'level');
  }

  /** Closes all connections; the listening socket is the caller's. */
  stop(listener: StreamListener): void {
    this.ready.remove(listener.descriptor);
    this.#paused.delete(listener);
    for (const connection of listener.connections) this.#close(connection);
  }

  next(): number | undefined {
    return earliest(this.#idle.next(), this.#paused.next());
  }

  sweep(now: number): void {
    this.#idle.sweep(now);
    this.#paused.sweep(now);
  }

  #accept(owner: StreamListener): void {
    const descriptor = acceptConnection(owner.descriptor);
    if (descriptor === 'later') return;
    if (typeof descriptor !== 'number') {
      // It stays ready, and asking again at once would come to the same.
      this.ready.remove(owner.descriptor);
      this.#paused.start(owner, performance.now());
      return;
    }
    const reader = new StreamReader();
    const connection = { descriptor, owner, reader, unsent: Buffer.alloc(0), isWriting: false, isOpen: true };
    if (owner.connections.size >= connectionLimit) {
      for (const quietest of owner.connections) {
        this.#close(quietest);
        break;
      }
    }
    owner.connections.add(connection);
    this.#idle.start(connection, performance.now());
    this.ready.add(descriptor, 'read', () => this.#receive(connection), 'level');
  }

  #receive(connection: Connection): void {
    const { descriptor, owner, reader } = connection;
    const received = receiveFrom(descriptor, reader.room());
    if (received === 'later') return;
    if (typeof received !== 'number' || received === 0) {
      this.#close(connection);
      return;
    }
    this.#idle.start(connection, performance.now());
    owner.connections.delete(connection);
    owner.connections.add(connection);
    reader.add(received);
    for (let message = reader.next(); message !== undefined && connection.isOpen; message = reader.next()) {
      owner.handle(message, (answer) => this.#send(connection, answer));
    }
  }

  #send(connection: Connection, message: Buffer): void {
    if (!connection.isOpen) return;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length, 0);
    connection.unsent = Buffer.concat([connection.unsent, length, message]);
    if (!connection.isWriting) this.#flush(connection);
  }

  #flush(connection: Connection): void {
    const { descriptor, unsent } = connection;
    const sent = sendTo(descriptor, unsent);
    if (sent !== 'later' && typeof sent !== 'number') {
      this.#close(connection);
      return;
    }
    connection.unsent = unsent.subarray(sent === 'later' ? 0 : sent);
    if (connection.unsent.length > unsentLimitBytes) this.#close(connection);
    else if (connection.unsent.length > 0) this.#await(connection, 'write');
    else if (connection.isWriting) this.#await(connection, 'read');
  }

  /** A client that takes no answers is not listened to either. */
  #await(connection: Connection, direction: 'read' | 'write'): void {
    const { descriptor } = connection;
    this.ready.remove(descriptor);
    connection.isWriting = direction === 'write';
    const onReady = direction === 'write' ? () => this.#flush(connection) : () => this.#receive(connection);
    this.ready.add(descriptor, direction, onReady, 'level');
  }

  #close(connection: Connection): void {
    if (!connection.isOpen) return;
    connection.isOpen = false;
    this.ready.remove(connection.descriptor);
    closeSocket(connection.descriptor);
    connection.owner.connections.delete(connection);
    this.#idle.delete(connection);
  }
}
