const lengthBytes = 2;
const roomBytes = 4096;

/** Messages out of a TCP stream, each behind its length (RFC 1035, section 4.2.2). */
export class StreamReader {
  #bytes = Buffer.alloc(0);
  #room = Buffer.alloc(roomBytes);

  /** Where to receive into. */
  room(): Buffer {
    return this.#room;
  }

  /** So many bytes have been received into the room. */
  add(count: number): void {
    this.#bytes = Buffer.concat([this.#bytes, this.#room.subarray(0, count)]);
  }

  /** The next whole message, valid until the next `add`; undefined when there is none yet. */
  next(): Buffer | undefined {
    if (this.#bytes.length < lengthBytes) return undefined;
    const end = lengthBytes + this.#bytes.readUInt16BE(0);
    if (this.#bytes.length < end) return undefined;
    const message = this.#bytes.subarray(lengthBytes, end);
    this.#bytes = this.#bytes.subarray(end);
    return message;
  }
}
