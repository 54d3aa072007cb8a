import type { Socket } from 'bun';
import { EstibaError, messageOf } from '#std/errors';
import { log } from '#std/log';
import { JsonLines } from '../lines.ts';
import { type AttachRequest, type KeptProcess, keeperProtocolVersion, type StartRequest } from '../protocol.ts';
import { Attachment } from './attachment.ts';
import { Subscriber } from './subscriber.ts';
import type { Tasks } from './tasks.ts';

/** A request line, as it comes in; which fields there are depends on the verb. */
interface Message {
  readonly verb: string;
  readonly seq?: number;
  readonly id?: string;
  readonly request?: unknown;
  readonly signal?: number;
  readonly rows?: number;
  readonly columns?: number;
  readonly command?: readonly string[];
}

/** What a connection has become: nothing yet, a control connection or an attached client. */
interface Connection {
  readonly lines: JsonLines;
  control?: Subscriber;
  attachment?: Attachment;
}

/** What the server is told of its process. */
export interface ServerParts {
  readonly edition: string;
  readonly shutDown: () => void;
  /** Becomes the program of that command; throws when it cannot. */
  readonly renew: (command: readonly string[]) => never;
}

/** The keeper's socket: answers engines, and carries the streams of attached clients. */
export class Server {
  readonly #tasks: Tasks;
  readonly #parts: ServerParts;
  readonly #controls = new Set<Socket<Connection>>();
  /** The newest control connection: only it hears of exits. */
  #events: Socket<Connection> | undefined;
  /** Is called when the number of connections or processes may have become nought. */
  onChange: () => void = () => undefined;

  constructor(tasks: Tasks, parts: ServerParts) {
    this.#tasks = tasks;
    this.#parts = parts;
    tasks.onExit = (process) => this.#tell('exit', process);
    tasks.onStarted = (process) => this.#tell('started', process);
  }

  /** Whether an engine is connected. */
  get isUsed(): boolean {
    return this.#controls.size > 0;
  }

  listen(path: string): void {
    Bun.listen<Connection>({
      unix: path,
      allowHalfOpen: true,
      socket: {
        open: (socket) => {
          socket.data = { lines: new JsonLines() };
        },
        data: (socket, bytes) => this.#receive(socket, bytes),
        drain: (socket) => (socket.data.attachment?.subscriber ?? socket.data.control)?.drain(),
        end: (socket) => this.#ended(socket),
        close: (socket) => this.#closed(socket),
        error: (_socket, error) => log('debug', 'connection failed', { error: error.message }),
      },
    });
  }

  #receive(socket: Socket<Connection>, bytes: Buffer): void {
    const { attachment, control } = socket.data;
    if (attachment !== undefined) attachment.receive(bytes);
    else if (control !== undefined) this.#lines(socket, bytes);
    else this.#first(socket, bytes);
  }

  /** The first line says what the connection is. */
  #first(socket: Socket<Connection>, bytes: Buffer): void {
    const { lines } = socket.data;
    lines.append(bytes);
    const first = lines.next();
    if (first === undefined) return;
    const message = first?.json as Message | undefined;
    if (message?.verb === 'attach') {
      const attachment = new Attachment(socket, message.request as AttachRequest);
      socket.data.attachment = attachment;
      attachment.subscriber.write(Buffer.from('{"ok":true}\n'));
      this.#tasks.attach(attachment);
      const rest = lines.takeRest();
      if (rest.length > 0) attachment.receive(rest);
    } else if (message?.verb === 'hello') {
      this.#greet(socket);
      this.#lines(socket, Buffer.alloc(0));
    } else {
      socket.terminate();
    }
  }

  #greet(socket: Socket<Connection>): void {
    socket.data.control = new Subscriber(socket, { stdout: false, stderr: false, framing: 'raw' });
    this.#controls.add(socket);
    this.#events = socket;
    const processes = this.#tasks.list();
    const { edition } = this.#parts;
    this.#send(socket, { ok: { pid: process.pid, version: keeperProtocolVersion, edition, processes } });
    for (const kept of processes) if (kept.state === 'exited') this.#send(socket, { event: 'exit', process: kept });
    this.onChange();
  }

  #lines(socket: Socket<Connection>, bytes: Buffer): void {
    for (const message of socket.data.lines.add(bytes)) void this.#answer(socket, message as Message);
  }

  async #answer(socket: Socket<Connection>, message: Message): Promise<void> {
    const { seq } = message;
    try {
      if (message.verb === 'start') {
        const { started, watch } = await this.#tasks.start(message.request as StartRequest);
        this.#send(socket, { seq, ok: started });
        watch();
      } else {
        this.#send(socket, { seq, ok: (await this.#perform(message)) ?? true });
      }
    } catch (error) {
      const kind = error instanceof EstibaError ? error.kind : 'internal';
      this.#send(socket, { seq, error: { kind, message: messageOf(error) } });
    }
    this.onChange();
  }

  async #perform(message: Message): Promise<unknown> {
    const { id = '' } = message;
    switch (message.verb) {
      case 'signal':
        return this.#tasks.find(id).signal(message.signal ?? 0);
      case 'resize':
        return this.#tasks.find(id).resize(message.rows ?? 0, message.columns ?? 0);
      case 'list':
        return this.#tasks.list();
      case 'forget':
        return this.#tasks.forget(id);
      case 'dismiss':
        return this.#tasks.endWaiting(id);
      case 'shutdown':
        setImmediate(this.#parts.shutDown);
        return true;
      case 'renew':
        return this.#parts.renew(message.command ?? []);
      default:
        throw new EstibaError('invalid-argument', `unknown verb ${message.verb}`);
    }
  }

  #tell(event: 'exit' | 'started', kept: KeptProcess): void {
    if (this.#events !== undefined) this.#send(this.#events, { event, process: kept });
  }

  #send(socket: Socket<Connection>, value: object): void {
    socket.data.control?.write(Buffer.from(`${JSON.stringify(value)}\n`));
  }

  #ended(socket: Socket<Connection>): void {
    if (socket.data.attachment !== undefined) socket.data.attachment.endInput();
    else socket.terminate();
  }

  #closed(socket: Socket<Connection>): void {
    if (socket.data.attachment !== undefined) this.#tasks.detach(socket.data.attachment);
    socket.data.control?.closed();
    this.#controls.delete(socket);
    if (this.#events === socket) this.#events = [...this.#controls].pop();
    this.onChange();
  }
}
