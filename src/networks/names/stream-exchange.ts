import type { ReadySet } from '#linux/epoll';
import { closeSocket, connectionFailure, connectSocket, openSocket, receiveFrom, sendTo } from '#linux/inet-sockets';
import { whereAsked } from './exchange.ts';
import type { Journey, Outcome } from './forwarder.ts';
import { StreamReader } from './stream-reader.ts';
import type { Upstream } from './upstream.ts';

/** Questions to resolvers by TCP, each over a connection of its own. */
export class StreamExchanges {
  constructor(
    readonly ready: ReadySet,
    readonly outcome: Outcome,
  ) {}

  ask(journey: Journey, upstream: Upstream): void {
    let descriptor: number;
    try {
      descriptor = whereAsked(upstream, () => openSocket('tcp', upstream.address));
    } catch {
      this.outcome.failed(journey);
      return;
    }
    const close = (): void => {
      journey.cancel = () => {};
      this.ready.remove(descriptor);
      closeSocket(descriptor);
    };
    journey.cancel = close;
    if (connectSocket(descriptor, upstream.address) === undefined) this.#write(journey, descriptor, close);
    else this.#fail(journey, close);
  }

  #fail(journey: Journey, close: () => void): void {
    close();
    this.outcome.failed(journey);
  }

  #write(journey: Journey, descriptor: number, close: () => void): void {
    const { query } = journey.forwarded;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length, 0);
    let rest = Buffer.concat([length, query]);
    this.ready.add(
      descriptor,
      'write',
      () => {
        const sent = connectionFailure(descriptor) ?? sendTo(descriptor, rest);
        if (sent === 'later') return;
        if (typeof sent !== 'number') {
          this.#fail(journey, close);
          return;
        }
        rest = rest.subarray(sent);
        if (rest.length > 0) return;
        this.ready.remove(descriptor);
        this.#read(journey, descriptor, close);
      },
      'level',
    );
  }

  #read(journey: Journey, descriptor: number, close: () => void): void {
    const reader = new StreamReader();
    const receive = (): void => {
      const received = receiveFrom(descriptor, reader.room());
      if (received === 'later') return;
      if (typeof received !== 'number' || received === 0) {
        this.#fail(journey, close);
        return;
      }
      reader.add(received);
      const message = reader.next();
      if (message === undefined) return;
      close();
      this.outcome.answered(journey, Buffer.from(message));
    };
    this.ready.add(descriptor, 'read', receive, 'level');
  }
}
