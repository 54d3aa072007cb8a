import { connect, type Socket } from 'node:net';
import { fail, kindNamed } from '#std/errors';
import { JsonLines } from './lines.ts';
import type { KeptProcess } from './protocol.ts';

/** What the keeper says of itself when an engine connects. */
export interface Greeting {
  readonly pid: number;
  readonly version: number;
  /** Which program it is; the first keepers did not say. */
  readonly edition?: string;
  readonly processes: readonly KeptProcess[];
}

/** An unasked line. */
export interface KeeperEvent {
  readonly event: 'exit' | 'started';
  readonly process: KeptProcess;
}

/** A line from the keeper. */
interface Line {
  readonly seq?: number;
  readonly ok?: unknown;
  readonly error?: { readonly kind: string; readonly message: string };
  readonly event?: KeeperEvent['event'];
  readonly process?: KeptProcess;
}

interface Pending {
  resolve(value: unknown): void;
  reject(reason: unknown): void;
}

/** A control connection: pairs answers with requests. It does not come back once it is closed. */
export class ControlConnection {
  readonly #socket: Socket;
  readonly #lines = new JsonLines();
  readonly #pending = new Map<number, Pending>();
  #sequence = 0;
  #closed = false;
  readonly #onEvent: (event: KeeperEvent) => void;
  #onClose: (() => void) | undefined;

  private constructor(socket: Socket, onEvent: (event: KeeperEvent) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    socket.on('data', (bytes: Buffer) => {
      for (const line of this.#lines.add(bytes)) this.#take(line as Line);
    });
    socket.on('error', () => undefined);
    // The socket may stay half open, which a keeper that has died does not need.
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.#ended());
  }

  /**
   * Connects and greets; rejects with the socket's error when no keeper listens. `onEvent` is called for unasked lines,
   * which may come together with the greeting; `onClose` once when the connection is gone after that, and all pending
   * requests were rejected with `unavailable`.
   */
  static async open(
    path: string,
    onGreeting: (greeting: Greeting) => void,
    onEvent: (event: KeeperEvent) => void,
    onClose: () => void,
  ): Promise<ControlConnection> {
    const connection = new ControlConnection(await connectTo(path), onEvent);
    await connection.#await(0, { verb: 'hello' }, (answer) => {
      connection.#onClose = onClose;
      onGreeting(answer as Greeting);
    });
    return connection;
  }

  /** Sends a request and resolves with its answer. */
  request(verb: string, fields: object): Promise<unknown> {
    const seq = ++this.#sequence;
    return this.#await(seq, { seq, verb, ...fields });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** `first` is called with the answer before any later line is looked at. */
  #await(seq: number, message: object, first?: (answer: unknown) => void): Promise<unknown> {
    if (this.#closed) return Promise.reject(fail('unavailable', 'the keeper is gone'));
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const settle = (answer: unknown): void => {
      first?.(answer);
      resolve(answer);
    };
    this.#pending.set(seq, { resolve: settle, reject });
    this.#socket.write(`${JSON.stringify(message)}\n`);
    return promise;
  }

  #take(line: Line): void {
    if (line.event !== undefined && line.process !== undefined) {
      this.#onEvent({ event: line.event, process: line.process });
      return;
    }
    const seq = line.seq ?? 0;
    const pending = this.#pending.get(seq);
    this.#pending.delete(seq);
    if (line.error === undefined) pending?.resolve(line.ok);
    else pending?.reject(fail(kindNamed(line.error.kind), line.error.message));
  }

  #ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const pending of this.#pending.values()) pending.reject(fail('unavailable', 'the keeper is gone'));
    this.#pending.clear();
    this.#onClose?.();
  }
}

/** A connection to a unix socket that lets each side end its half alone. */
function connectTo(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ path, allowHalfOpen: true });
  socket.once('error', reject);
  socket.once('connect', () => {
    socket.off('error', reject);
    resolve(socket);
  });
  return promise;
}
