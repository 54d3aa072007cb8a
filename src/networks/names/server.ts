import { DatagramBatch } from '#linux/datagram-batch';
import type { ReadySet } from '#linux/epoll';
import { sendTo } from '#linux/inet-sockets';
import { Connections, type StreamListener } from './connections.ts';
import { Deadlines, earliest } from './deadlines.ts';
import { Forwarder } from './forwarder.ts';
import { type Listener, openListener } from './listener.ts';
import {
  datagramLimit,
  type Question,
  readQuery,
  recordType,
  responseCode,
  writeAnswer,
  writeFailure,
  writeRefusal,
} from './message.ts';
import { Registry, recordsFor } from './registry.ts';
import type { NameResolver } from './types.ts';
import { type Upstream, upstreamsOf } from './upstream.ts';

/** Questions of one container that are taken before others have their turn. */
const turn = 64;
const longestDatagram = 4096;
const longestMessage = 65_535;

interface Served {
  readonly containerId: string;
  readonly namespacePath: string;
  readonly upstreams: readonly Upstream[];
  readonly isNdotsSet: boolean;
  readonly listener: Listener;
  stream?: StreamListener;
}

/** After so long what the kernel has to put away is gone. */
const settlingMs = 2000;

/** In which way an answer goes back. */
type Later = (message: Buffer) => void;

/** What becomes of a question: the length of its answer, which is in its place; dropped; or asked for outside. */
const dropped = 0;
const outside = -1;

/** Answers the questions of all containers that are served. */
export class Server {
  readonly registry = new Registry();
  readonly #served = new Map<string, Served>();
  readonly #mayForward = new Map<string, boolean>();
  readonly #batch = new DatagramBatch(turn, longestDatagram);
  readonly #lengths: number[] = new Array<number>(turn).fill(0);
  readonly #scratch = Buffer.alloc(longestMessage);
  readonly #question: Question = { name: '', type: 0, end: 0 };
  readonly #forwarder: Forwarder;
  readonly #connections: Connections;
  readonly #settling = new Deadlines<Disposable>(settlingMs, (settling) => settling[Symbol.dispose]());

  /** `obey` does all that has been said so far; it is called when questions have been received. */
  constructor(
    readonly ready: ReadySet,
    readonly obey: () => void,
  ) {
    this.#forwarder = new Forwarder(ready);
    this.#connections = new Connections(ready);
  }

  serve(containerId: string, namespacePath: string, resolver: NameResolver): void {
    this.#end(containerId);
    const served: Served = {
      containerId,
      namespacePath,
      upstreams: upstreamsOf(resolver.servers, namespacePath),
      isNdotsSet: resolver.isNdotsSet ?? false,
      listener: openListener(namespacePath),
    };
    this.#served.set(containerId, served);
    if (served.listener.settling !== undefined) this.#settling.start(served.listener.settling, performance.now());
    this.ready.add(served.listener.udp, 'read', () => this.#receive(served), 'level');
    served.stream = this.#connections.listen(served.listener.tcp, (message, answer) =>
      this.#stream(served, message, answer),
    );
  }

  setForwarding(containerId: string, isAllowed: boolean): void {
    if (isAllowed) this.#mayForward.delete(containerId);
    else this.#mayForward.set(containerId, false);
  }

  stop(containerId: string): void {
    this.#end(containerId);
    this.#mayForward.delete(containerId);
    this.registry.forgetLinks(containerId);
  }

  close(): void {
    for (const containerId of [...this.#served.keys()]) this.stop(containerId);
  }

  /** When `sweep` has something to do; undefined: not before something comes. */
  next(): number | undefined {
    return earliest(this.#forwarder.next(), this.#connections.next(), this.#settling.next());
  }

  /** Gives up what took too long. */
  sweep(now: number): void {
    this.#forwarder.sweep(now);
    this.#connections.sweep(now);
    this.#settling.sweep(now);
  }

  #isServed(served: Served): boolean {
    return this.#served.get(served.containerId) === served;
  }

  #end(containerId: string): void {
    const served = this.#served.get(containerId);
    if (served === undefined) return;
    this.#served.delete(containerId);
    this.#forwarder.drop(containerId);
    this.#forwarder.leave(served.namespacePath, served.upstreams);
    if (served.stream !== undefined) this.#connections.stop(served.stream);
    this.ready.remove(served.listener.udp);
    if (served.listener.settling !== undefined) this.#settling.delete(served.listener.settling);
    served.listener[Symbol.dispose]();
  }

  #receive(served: Served): void {
    const batch = this.#batch;
    const { udp } = served.listener;
    const count = batch.receive(udp);
    this.obey();
    if (!this.#isServed(served)) return;
    for (let slot = 0; slot < count; slot++) {
      const [start, length] = [batch.offset(slot), batch.length(slot)];
      const result = this.#handle(served, batch.bytes, start, length, undefined);
      this.#lengths[slot] = Math.max(0, result);
      if (result !== outside) continue;
      const sender = batch.sender(slot);
      this.#forward(served, 'udp', batch.bytes.subarray(start, start + length), (message) => {
        // The one who asked may be gone.
        if (this.#isServed(served)) sendTo(udp, message, sender);
      });
    }
    batch.reply(udp, this.#lengths);
  }

  #stream(served: Served, message: Buffer, answer: Later): void {
    this.obey();
    if (!this.#isServed(served)) return;
    message.copy(this.#scratch);
    const result = this.#handle(served, this.#scratch, 0, message.length, longestMessage);
    if (result > 0) answer(Buffer.from(this.#scratch.subarray(0, result)));
    else if (result === outside) this.#forward(served, 'tcp', message, answer);
  }

  /** Reads the question at `start`, and puts its answer in its place; `limit` bytes, by default what the sender takes. */
  #handle(served: Served, bytes: Buffer, start: number, length: number, limit: number | undefined): number {
    const question = this.#question;
    const reading = readQuery(bytes, start, length, question);
    if (reading === 'drop') return dropped;
    if (reading === 'bad') return writeRefusal(bytes, start, responseCode.badFormat);
    if (reading === 'unknown operation') return writeRefusal(bytes, start, responseCode.notImplemented);
    const records = this.#find(served, question);
    if (records !== undefined) {
      const most = limit ?? Math.min(longestDatagram, datagramLimit(bytes, start, length, question));
      return writeAnswer(bytes, start, question, records.length > 1 ? shuffled(records) : records, most);
    }
    if (this.#mayForward.get(served.containerId) === false || served.upstreams.length === 0) {
      return writeFailure(bytes, start, question, responseCode.failure);
    }
    return outside;
  }

  /** The records that are answered with; undefined when it has to be asked for outside. */
  #find({ containerId, isNdotsSet }: Served, { name, type }: Question): readonly Buffer[] | undefined {
    if (type === recordType.ptr) {
      const owner = this.registry.findOwner(containerId, name);
      return owner && [owner];
    }
    const isAddress = type === recordType.a || type === recordType.aaaa;
    if (!isAddress && type !== recordType.mx) return undefined;
    const known = this.registry.find(containerId, name);
    if (known !== undefined) return recordsFor(known, type);
    // The client goes on with its search domains.
    return isNdotsSet && isAddress && isSingleLabel(name) ? [] : undefined;
  }

  #forward(served: Served, protocol: 'udp' | 'tcp', message: Buffer, answer: Later): void {
    const { end } = this.#question;
    const query = Buffer.from(message);
    const { containerId, upstreams } = served;
    this.#forwarder.forward({
      containerId,
      protocol,
      query,
      questionEnd: end,
      upstreams,
      answer: (reply) => {
        if (reply !== undefined) answer(reply);
        else answer(query.subarray(0, writeFailure(query, 0, { name: '', type: 0, end }, responseCode.failure)));
      },
    });
  }
}

function isSingleLabel(name: string): boolean {
  return name.length > 1 && name.charCodeAt(0) === name.length - 2;
}

function shuffled(records: readonly Buffer[]): Buffer[] {
  const result = [...records];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    const [one, two] = [result[last], result[other]];
    if (one !== undefined && two !== undefined) [result[last], result[other]] = [two, one];
  }
  return result;
}
