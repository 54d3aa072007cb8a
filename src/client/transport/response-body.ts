import { fail } from '#std/errors';
import { ChunkedDecoder } from './chunked.ts';
import type { Connection } from './connection.ts';
import type { ResponseHead } from './response-head.ts';

/** The body of an answer, read by pull. `onEnd` is told whether the connection can carry another request. */
export class ResponseBody implements AsyncIterable<Uint8Array> {
  readonly #connection: Connection;
  readonly #onEnd: (reusable: boolean) => void;
  readonly #chunked: ChunkedDecoder | undefined;
  #left: number | undefined;
  #ended = false;

  constructor(connection: Connection, head: ResponseHead, method: string, onEnd: (reusable: boolean) => void) {
    this.#connection = connection;
    this.#onEnd = (reusable) => onEnd(reusable && head.headers.get('connection')?.toLowerCase() !== 'close');
    const length = head.headers.get('content-length');
    if (method === 'HEAD' || head.status === 204 || head.status === 304) this.#left = 0;
    else if (head.headers.get('transfer-encoding')?.toLowerCase() === 'chunked') this.#chunked = new ChunkedDecoder();
    else if (length !== undefined) this.#left = Number(length);
    if (this.#left === 0) this.#end(true);
  }

  /** The next bytes, or undefined at the end. */
  async read(): Promise<Uint8Array | undefined> {
    while (!this.#ended) {
      const bytes = await this.#connection.read();
      if (!bytes) return this.#finishEarly();
      const payload = this.#take(bytes);
      if (payload.length > 0) return payload;
    }
    return undefined;
  }

  /** The whole body as text. */
  async text(): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  /** Gives the rest up: the connection is closed when anything of it is still to come. */
  cancel(): void {
    if (!this.#ended) this.#end(false);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (let bytes = await this.read(); bytes; bytes = await this.read()) yield bytes;
    } finally {
      this.cancel();
    }
  }

  #take(bytes: Uint8Array): Uint8Array {
    if (this.#chunked) {
      const { payload, rest } = this.#chunked.decode(bytes);
      this.#connection.unread(rest);
      if (this.#chunked.done) this.#end(true);
      return payload;
    }
    if (this.#left === undefined) return bytes;
    const payload = bytes.subarray(0, this.#left);
    this.#connection.unread(bytes.subarray(payload.length));
    this.#left -= payload.length;
    if (this.#left === 0) this.#end(true);
    return payload;
  }

  #finishEarly(): undefined {
    this.#end(false);
    if (this.#chunked || this.#left !== undefined) throw fail('unavailable', 'unexpected EOF');
    return undefined;
  }

  #end(reusable: boolean): void {
    this.#ended = true;
    this.#onEnd(reusable);
  }
}
