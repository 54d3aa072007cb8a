import type { EstibaError } from '#std/errors';
import { failCall, statusOf } from './failure.ts';
import { type Arrived, type Assembly, MessageParser, sendMessage } from './framing.ts';
import type { Header } from './http2/hpack.ts';
import type { Http2Stream, StreamListener } from './http2/stream.ts';
import { Inbox } from './inbox.ts';
import type { Message } from './message.ts';

/** What both sides of a call have in common: messages that come, and messages that go. */
export abstract class CallSide implements StreamListener {
  protected stream: Http2Stream | undefined;
  readonly #inbox: Inbox<Arrived>;
  readonly #parser: MessageParser;

  constructor(assembly: Assembly) {
    this.#parser = new MessageParser(assembly);
    this.#inbox = new Inbox({
      onTaken: ({ owedBytes }) => this.stream?.consumed(owedBytes),
      onLeft: () => this.left(),
    });
  }

  onData(bytes: Buffer): void {
    try {
      const { messages, credit } = this.#parser.push(bytes);
      for (const arrived of messages) this.#inbox.push(arrived);
      if (credit > 0) this.stream?.consumed(credit);
    } catch (error) {
      this.#parser.clear();
      this.failed(statusOf(error));
    }
  }

  onEnd(): void {
    if (this.#parser.isWithin) this.failed(failCall('internal', 'unexpected EOF'));
    else this.ended();
  }

  onClosed(error: EstibaError | undefined): void {
    this.#parser.clear();
    this.closed(error);
  }

  /** Messages of a kind, as they come. A malformed one fails the call. */
  async *messagesOf<T>(type: Message<T, unknown>): AsyncGenerator<T> {
    for await (const { bytes } of this.#inbox) yield type.decode(bytes);
  }

  /** The next message; undefined when no more come. */
  async nextOf<T>(type: Message<T, unknown>): Promise<T | undefined> {
    const arrived = await this.#inbox.next();
    return arrived === undefined ? undefined : type.decode(arrived.bytes);
  }

  /** Nobody waits for messages any more: those that come are not kept. */
  protected endInbox(error?: unknown): void {
    if (error === undefined) this.#inbox.end();
    else this.#inbox.fail(error);
  }

  protected transmit(bytes: Uint8Array): Promise<void> {
    if (this.stream === undefined) return Promise.reject(failCall('internal', 'the call has not begun'));
    return sendMessage(this.stream, bytes);
  }

  abstract onHeaders(headers: readonly Header[], isLast: boolean): void;
  /** What came is refused. */
  protected abstract failed(error: EstibaError): void;
  /** The other side sends no more. */
  protected abstract ended(): void;
  protected abstract closed(error: EstibaError | undefined): void;
  /** The reader of the messages has had enough. */
  protected abstract left(): void;
}
