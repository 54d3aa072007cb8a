import { fail } from '#std/errors';
import type { ByteReader } from './byte-reader.ts';
import type { RequestHead } from './head.ts';

const maximumLineBytes = 4096;

function cutShort(): Error {
  return fail('invalid-argument', 'unexpected EOF');
}

/** A line up to CRLF, without it: a chunk's size or a trailer. */
async function readLine(reader: ByteReader): Promise<string> {
  let line: Buffer = Buffer.alloc(0);
  for (;;) {
    const chunk = await reader.read();
    if (chunk === undefined) throw cutShort();
    line = line.byteLength === 0 ? chunk : Buffer.concat([line, chunk]);
    const end = line.indexOf('\r\n');
    if (end > maximumLineBytes || (end === -1 && line.byteLength > maximumLineBytes)) {
      throw fail('invalid-argument', 'http: chunk header too long');
    }
    if (end !== -1) {
      reader.unread(line.subarray(end + 2));
      return line.toString('latin1', 0, end);
    }
  }
}

async function* readLength(reader: ByteReader, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  while (left > 0) {
    const chunk = await reader.read();
    if (chunk === undefined) throw cutShort();
    if (chunk.byteLength > left) reader.unread(chunk.subarray(left));
    const wanted = chunk.byteLength > left ? chunk.subarray(0, left) : chunk;
    left -= wanted.byteLength;
    yield wanted;
  }
}

async function* readChunked(reader: ByteReader): AsyncGenerator<Buffer> {
  for (;;) {
    const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(await readLine(reader))?.[1];
    if (size === undefined) throw fail('invalid-argument', 'http: invalid chunk header');
    const bytes = Number.parseInt(size, 16);
    if (bytes === 0) break;
    yield* readLength(reader, bytes);
    if ((await readLine(reader)) !== '') throw fail('invalid-argument', 'http: malformed chunked encoding');
  }
  // Trailers mean nothing here, but are read to the empty line that ends them; their number is bounded by patience alone.
  for (let lines = 0; (await readLine(reader)) !== ''; lines += 1) {
    if (lines > 64) throw fail('invalid-argument', 'http: too many trailers');
  }
}

/** The body of one request. It is read from the connection only as its reader pulls. */
export class BodyReader implements AsyncIterable<Buffer> {
  readonly #chunks: AsyncGenerator<Buffer>;
  #finished: boolean;
  #beforeFirst: (() => void) | undefined;

  /** `beforeFirst` is called once, when somebody starts to read: the place to answer `Expect: 100-continue`. */
  constructor(reader: ByteReader, framing: RequestHead['framing'], beforeFirst?: () => void) {
    this.#finished = framing.kind === 'none';
    this.#beforeFirst = beforeFirst;
    this.#chunks =
      framing.kind === 'chunked'
        ? readChunked(reader)
        : readLength(reader, framing.kind === 'length' ? framing.bytes : 0);
  }

  /** True when the connection stands behind the body: the next request may follow. */
  get finished(): boolean {
    return this.#finished;
  }

  async #next(): Promise<IteratorResult<Buffer, undefined>> {
    this.#beforeFirst?.();
    this.#beforeFirst = undefined;
    const result = await this.#chunks.next();
    if (result.done) this.#finished = true;
    return result.done ? { done: true, value: undefined } : result;
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer, undefined> {
    // No `return`: who stops reading half-way leaves the rest to `discard`.
    return { next: () => this.#next() };
  }

  /** Reads and drops what is left, up to a bound. Returns whether that was all. */
  async discard(maximumBytes: number): Promise<boolean> {
    let bytes = 0;
    while (!this.#finished && bytes <= maximumBytes) {
      const { value } = await this.#next();
      bytes += value?.byteLength ?? 0;
    }
    return this.#finished;
  }
}
