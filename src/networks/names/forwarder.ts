import type { ReadySet } from '#linux/epoll';
import { Deadlines, earliest } from './deadlines.ts';
import { Exchanges } from './exchange.ts';
import { headerBytes, responseCode } from './message.ts';
import { StreamExchanges } from './stream-exchange.ts';
import { Suspicion, type Upstream } from './upstream.ts';

/** A question to be asked outside. */
export interface Forwarded {
  /** Whose it is: so many of one container may be on their way. */
  readonly containerId: string;
  readonly protocol: 'udp' | 'tcp';
  /** The whole query, as it came. */
  readonly query: Buffer;
  /** Length of its header and question. */
  readonly questionEnd: number;
  readonly upstreams: readonly Upstream[];
  /** Takes the answer, whose id is the query's; undefined: nobody answered. */
  readonly answer: (message: Buffer | undefined) => void;
}

/** Docker's: how long one resolver is waited for, and how many questions of a container may be on their way. */
const answerMs = 4000;
const concurrencyLimit = 1024;
/** How long one is waited for that has been silent of late, when there is another one to ask. */
const suspectAnswerMs = 100;
/** More than these would only wait for questions that wait themselves. */
const waitingLimit = 4096;

/** One that is on its way, or waits until others of its container are done. */
export interface Journey {
  readonly forwarded: Forwarded;
  /** Which of the resolvers is asked now, and since when. */
  index: number;
  askedAt: number;
  /** Takes the question back from the one that is asked. */
  cancel: () => void;
  isOver: boolean;
}

interface Load {
  active: number;
  readonly waiting: Set<Journey>;
  isAdmitting: boolean;
}

/** What an exchange with one resolver tells. */
export interface Outcome {
  readonly answered: (journey: Journey, message: Buffer) => void;
  /** The resolver cannot be asked, or says that nobody is there: the next one is asked at once. */
  readonly failed: (journey: Journey) => void;
}

/** Asks other resolvers, one after the other, without ever waiting for one. */
export class Forwarder {
  readonly #loads = new Map<string, Load>();
  readonly #suspicion = new Suspicion();
  readonly #asked = new Deadlines<Journey>(answerMs, (journey) => this.#silent(journey));
  readonly #suspects = new Deadlines<Journey>(suspectAnswerMs, (journey) => this.#passOver(journey));
  readonly #waiting = new Deadlines<Journey>(answerMs, (journey) => this.#refuse(journey));
  readonly #datagrams: Exchanges;
  readonly #streams: StreamExchanges;

  constructor(ready: ReadySet) {
    const outcome: Outcome = {
      answered: (journey, message) => this.#answered(journey, message),
      failed: (journey) => this.#next(journey),
    };
    this.#datagrams = new Exchanges(ready, outcome);
    this.#streams = new StreamExchanges(ready, outcome);
  }

  /** Asks; the answer comes later, or before this returns. */
  forward(forwarded: Forwarded): void {
    const journey: Journey = { forwarded, index: -1, askedAt: 0, cancel() {}, isOver: false };
    let load = this.#loads.get(forwarded.containerId);
    if (load === undefined) {
      load = { active: 0, waiting: new Set(), isAdmitting: false };
      this.#loads.set(forwarded.containerId, load);
    }
    if (load.active < concurrencyLimit) {
      load.active++;
      this.#next(journey);
    } else if (load.waiting.size < waitingLimit) {
      load.waiting.add(journey);
      this.#waiting.start(journey, performance.now());
    } else this.#refuse(journey);
  }

  /** When `sweep` has something to do; undefined: not before something comes. */
  next(): number | undefined {
    return earliest(this.#asked.next(), this.#suspects.next(), this.#waiting.next(), this.#datagrams.next());
  }

  /** Gives up what took too long. */
  sweep(now: number): void {
    this.#asked.sweep(now);
    this.#suspects.sweep(now);
    this.#waiting.sweep(now);
    this.#datagrams.sweep(now);
  }

  /** Forgets all that a container asked; nothing of it is answered any more. */
  drop(containerId: string): void {
    for (const journey of this.#loads.get(containerId)?.waiting ?? []) {
      journey.isOver = true;
      this.#waiting.delete(journey);
    }
    for (const deadlines of [this.#asked, this.#suspects]) {
      for (const journey of deadlines.items()) {
        if (journey.forwarded.containerId !== containerId) continue;
        journey.isOver = true;
        journey.cancel();
        deadlines.delete(journey);
      }
    }
    this.#loads.delete(containerId);
  }

  /** Closes the sockets in a namespace whose container has been dropped. */
  leave(namespacePath: string, upstreams: readonly Upstream[]): void {
    this.#datagrams.leave(namespacePath);
    this.#suspicion.forget(upstreams);
  }

  #next(journey: Journey): void {
    if (journey.isOver) return;
    const { upstreams, protocol } = journey.forwarded;
    journey.cancel = () => {};
    journey.index++;
    const upstream = upstreams[journey.index];
    if (upstream === undefined) {
      this.#finish(journey, undefined);
      return;
    }
    const now = performance.now();
    journey.askedAt = now;
    const isLast = journey.index === upstreams.length - 1;
    this.#forget(journey);
    const deadlines = isLast || !this.#suspicion.isSuspect(upstream, now) ? this.#asked : this.#suspects;
    deadlines.start(journey, now);
    const exchanges = protocol === 'udp' ? this.#datagrams : this.#streams;
    exchanges.ask(journey, upstream);
  }

  #forget(journey: Journey): void {
    this.#asked.delete(journey);
    this.#suspects.delete(journey);
  }

  #silent(journey: Journey): void {
    const upstream = journey.forwarded.upstreams[journey.index];
    if (upstream !== undefined) this.#suspicion.silent(upstream, journey.askedAt, performance.now());
    this.#passOver(journey);
  }

  #passOver(journey: Journey): void {
    journey.cancel();
    this.#next(journey);
  }

  #answered(journey: Journey, message: Buffer): void {
    const upstream = journey.forwarded.upstreams[journey.index];
    if (upstream !== undefined) this.#suspicion.answered(upstream, performance.now());
    const code = (message[3] ?? 0) & 0xf;
    // It may be that only this one cannot tell.
    if (code === responseCode.failure || code === responseCode.refused) this.#next(journey);
    else this.#finish(journey, message);
  }

  #finish(journey: Journey, message: Buffer | undefined): void {
    if (journey.isOver) return;
    journey.isOver = true;
    this.#forget(journey);
    const { containerId, query, answer } = journey.forwarded;
    if (message !== undefined) query.copy(message, 0, 0, 2);
    answer(message);
    const load = this.#loads.get(containerId);
    if (load === undefined) return;
    load.active--;
    this.#admit(load);
    if (load.active === 0 && load.waiting.size === 0) this.#loads.delete(containerId);
  }

  /** Lets go on what waits, one after the other: each may be over at once, and come here again. */
  #admit(load: Load): void {
    if (load.isAdmitting) return;
    load.isAdmitting = true;
    for (const journey of load.waiting) {
      if (load.active >= concurrencyLimit) break;
      load.waiting.delete(journey);
      this.#waiting.delete(journey);
      load.active++;
      this.#next(journey);
    }
    load.isAdmitting = false;
  }

  #refuse(journey: Journey): void {
    if (journey.isOver) return;
    journey.isOver = true;
    const { containerId, query, questionEnd, answer } = journey.forwarded;
    this.#loads.get(containerId)?.waiting.delete(journey);
    const message = Buffer.from(query.subarray(0, Math.max(questionEnd, headerBytes)));
    message.writeUInt16BE(0x8000 | (query.readUInt16BE(2) & 0x7900) | responseCode.refused, 2);
    message.writeUInt32BE(0, 6);
    message.writeUInt16BE(0, 10);
    answer(message);
  }
}
