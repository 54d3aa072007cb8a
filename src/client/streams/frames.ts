import { fail } from '#std/errors';

const headerBytes = 8;

/** What came for each stream, in order; adjacent frames of one stream are one piece. */
export interface FramePiece {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}

/**
 * Takes apart the multiplexed stream of attach, exec and logs: frames of one byte stream number, three zero bytes, four
 * bytes of length (big endian) and that many bytes. One call gives all that a read brought, with adjacent frames of
 * one stream moved together in place: a write for each line would be the cost of the command.
 */
export class FrameDecoder {
  readonly #header = new Uint8Array(headerBytes);
  #headerFilled = 0;
  #left = 0;
  #stream: FramePiece['stream'] = 'stdout';

  /** The pieces in `bytes`, which it overwrites and which the pieces are views of. */
  decode(bytes: Uint8Array): FramePiece[] {
    const pieces: FramePiece[] = [];
    let from = 0;
    let start = 0;
    let to = 0;
    let stream = this.#stream;
    while (from < bytes.length) {
      if (this.#left === 0) {
        from = this.#readHeader(bytes, from);
        if (this.#left > 0 && this.#stream !== stream) {
          if (to > start) pieces.push({ stream, bytes: bytes.subarray(start, to) });
          start = to;
          stream = this.#stream;
        }
        continue;
      }
      const length = Math.min(this.#left, bytes.length - from);
      if (to !== from) bytes.copyWithin(to, from, from + length);
      to += length;
      from += length;
      this.#left -= length;
    }
    if (to > start) pieces.push({ stream, bytes: bytes.subarray(start, to) });
    return pieces;
  }

  /** Takes header bytes from `from` on; gives where it stopped. */
  #readHeader(bytes: Uint8Array, from: number): number {
    let index = from;
    while (this.#headerFilled < headerBytes && index < bytes.length) {
      this.#header[this.#headerFilled++] = bytes[index++] ?? 0;
    }
    if (this.#headerFilled < headerBytes) return index;
    this.#headerFilled = 0;
    const [kind = 0, , , , a = 0, b = 0, c = 0, d = 0] = this.#header;
    // 3 is the engine's own word about a stream it cannot go on with; shown as an error it is what the user needs.
    if (kind > 3) throw fail('internal', `Unrecognized input header: ${kind}`);
    this.#left = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    this.#stream = kind >= 2 ? 'stderr' : 'stdout';
    return index;
  }
}
