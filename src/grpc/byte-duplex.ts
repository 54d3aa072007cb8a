import { Duplex } from 'node:stream';
import type { MessageStream } from './types.ts';

/** One of the messages that carry nothing but bytes. */
interface BytesMessage {
  readonly data: Uint8Array;
}

/** As much as one message takes: well below what gRPC's receivers allow by default. */
const pieceBytes = 32 * 1024;

/** A call whose messages are bytes, as a connection. */
class ByteDuplex extends Duplex {
  readonly #stream: MessageStream<BytesMessage, BytesMessage>;
  readonly #messages: AsyncIterator<BytesMessage>;
  readonly #onOver: (isWhole: boolean) => void;
  #isPulling = false;
  #isWhole = false;

  /** `onOver` is told once when nothing more goes: with true after an end, with false after a break. */
  constructor(stream: MessageStream<BytesMessage, BytesMessage>, onOver: (isWhole: boolean) => void) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    this.#messages = stream.messages[Symbol.asyncIterator]();
    this.#onOver = onOver;
  }

  override _read(): void {
    if (this.#isPulling) return;
    this.#isPulling = true;
    this.#pull().catch((error: Error) => this.destroy(error));
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#sendAll(chunk).then(() => done(), done);
  }

  override _final(done: () => void): void {
    this.#isWhole = true;
    this.#onOver(true);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isWhole) this.#onOver(false);
    Promise.resolve(this.#messages.return?.()).catch(() => undefined);
    done(error);
  }

  async #pull(): Promise<void> {
    for (let isHungry = true; isHungry; ) {
      const next = await this.#messages.next();
      if (next.done === true) {
        this.push(null);
        return;
      }
      // An empty message says nothing; an empty chunk would be no chunk to the stream.
      if (next.value.data.byteLength > 0) isHungry = this.push(next.value.data);
    }
    this.#isPulling = false;
  }

  async #sendAll(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.byteLength; at += pieceBytes) {
      await this.#stream.send({ data: chunk.subarray(at, at + pieceBytes) });
    }
  }
}

/** A client's call whose messages are bytes, as a connection; its end ends the call. */
export function duplexOfCall(
  stream: MessageStream<BytesMessage, BytesMessage> & { end(): void; cancel(): void },
): Duplex {
  return new ByteDuplex(stream, (isWhole) => (isWhole ? stream.end() : stream.cancel()));
}

/** A call of which we are the server; `over` resolves when the connection is closed: then the handler should return. */
export function duplexOfHandler(stream: MessageStream<BytesMessage, BytesMessage>): {
  readonly duplex: Duplex;
  readonly over: Promise<void>;
} {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const duplex = new ByteDuplex(stream, () => resolve());
  // The client is told by the end of the call.
  duplex.on('error', () => undefined);
  return { duplex, over };
}
