import { fail } from '#std/errors';

const newline = 0x0a;

/**
 * Decoder of the chunked transfer coding (RFC 9112, section 7.1). One call takes what came from the socket and gives
 * all payload in it as one piece, moved together in place: logs come as one chunk a line, and a step for each would
 * be the cost of reading them.
 */
export class ChunkedDecoder {
  #state: 'size' | 'data' | 'data-end' | 'trailer' | 'done' = 'size';
  #line = '';
  #left = 0;

  get done(): boolean {
    return this.#state === 'done';
  }

  /** The payload in `bytes` (which it overwrites) and what follows the last chunk. */
  decode(bytes: Uint8Array): { payload: Uint8Array; rest: Uint8Array } {
    let from = 0;
    let to = 0;
    while (from < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const length = Math.min(this.#left, bytes.length - from);
        if (to !== from) bytes.copyWithin(to, from, from + length);
        to += length;
        from += length;
        this.#left -= length;
        if (this.#left === 0) this.#state = 'data-end';
      } else {
        const end = bytes.indexOf(newline, from);
        const stop = end < 0 ? bytes.length : end;
        for (let index = from; index < stop; index++) this.#line += String.fromCharCode(bytes[index] ?? 0);
        from = end < 0 ? bytes.length : end + 1;
        if (end >= 0) this.#takeLine();
      }
    }
    return { payload: bytes.subarray(0, to), rest: bytes.subarray(from) };
  }

  #takeLine(): void {
    const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line;
    this.#line = '';
    if (this.#state === 'data-end') {
      this.#state = 'size';
    } else if (this.#state === 'trailer') {
      if (line === '') this.#state = 'done';
    } else {
      const size = Number.parseInt(line, 16);
      if (!(size >= 0)) throw fail('internal', `the engine sent a chunk of no size: ${line.slice(0, 40)}`);
      this.#left = size;
      this.#state = size === 0 ? 'trailer' : 'data';
    }
  }
}
