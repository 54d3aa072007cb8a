import { type Pointer, ptr } from 'bun:ffi';
import { libc } from './errno.ts';

const library = libc({
  recvmmsg: { args: ['i32', 'ptr', 'u32', 'i32', 'ptr'], returns: 'i32' },
  sendmmsg: { args: ['i32', 'ptr', 'u32', 'i32'], returns: 'i32' },
});

const withoutWaiting = 0x40;
/** `struct mmsghdr` of a 64-bit machine, in 32-bit words, and where in it what is used is. */
const headerWords = 16;
const nameLengthWord = 2;
const flagsWord = 12;
const lengthWord = 14;
/** `struct iovec`: a pointer, then the length. */
const vectorWords = 4;
const vectorLengthWord = 2;
/** As long as the longest address, that of IPv6, padded. */
const nameBytes = 32;
const truncated = 0x20;

/**
 * Datagrams received by one system call and answered by another, each in the place in which it came: recvmmsg(2),
 * sendmmsg(2). One for a thread: what was received before is gone with the next `receive`.
 */
export class DatagramBatch {
  readonly bytes: Buffer;
  readonly #names: Buffer;
  readonly #headers: Uint32Array;
  readonly #vectors: Uint32Array;
  readonly #headersAt: Pointer;
  #used = 0;

  /** So many datagrams at once, each of at most `slotBytes`. */
  constructor(
    readonly capacity: number,
    readonly slotBytes: number,
  ) {
    this.bytes = Buffer.alloc(capacity * slotBytes);
    this.#names = Buffer.alloc(capacity * nameBytes);
    this.#headers = new Uint32Array(capacity * headerWords);
    this.#vectors = new Uint32Array(capacity * vectorWords);
    this.#headersAt = ptr(this.#headers);
    const headers = new BigUint64Array(this.#headers.buffer);
    const vectors = new BigUint64Array(this.#vectors.buffer);
    for (let slot = 0; slot < capacity; slot++) {
      headers[(slot * headerWords) / 2] = BigInt(ptr(this.#names) + slot * nameBytes);
      headers[(slot * headerWords) / 2 + 2] = BigInt(ptr(this.#vectors) + slot * vectorWords * 4);
      headers[(slot * headerWords) / 2 + 3] = 1n;
      vectors[(slot * vectorWords) / 2] = BigInt(ptr(this.bytes) + slot * slotBytes);
      this.#clear(slot);
    }
  }

  #clear(slot: number): void {
    this.#headers[slot * headerWords + nameLengthWord] = nameBytes;
    this.#vectors[slot * vectorWords + vectorLengthWord] = this.slotBytes;
  }

  /** Receives what is there now. Returns how many came; they are in the slots from 0 on. */
  receive(descriptor: number): number {
    for (let slot = 0; slot < this.#used; slot++) this.#clear(slot);
    this.#used = Math.max(0, library().recvmmsg(descriptor, this.#headersAt, this.capacity, withoutWaiting, null));
    return this.#used;
  }

  /** Where in `bytes` a slot begins. */
  offset(slot: number): number {
    return slot * this.slotBytes;
  }

  /** Bytes of the datagram; one that was longer than the slot counts as empty. */
  length(slot: number): number {
    const at = slot * headerWords;
    if (((this.#headers[at + flagsWord] ?? 0) & truncated) !== 0) return 0;
    return this.#headers[at + lengthWord] ?? 0;
  }

  /** Who sent it, as a copy. */
  sender(slot: number): Buffer {
    const length = this.#headers[slot * headerWords + nameLengthWord] ?? 0;
    return Buffer.from(this.#names.subarray(slot * nameBytes, slot * nameBytes + length));
  }

  /**
   * Sends what is in the slots now, so many bytes of each, to whom its datagram came from. A length of 0: none. What the
   * kernel refuses, or has no room for, is lost, as datagrams may be.
   */
  reply(descriptor: number, lengths: readonly number[]): void {
    const count = this.#used;
    for (let slot = 0; slot < count; slot++) {
      this.#vectors[slot * vectorWords + vectorLengthWord] = lengths[slot] ?? 0;
    }
    for (let first = 0; first < count; ) {
      if (lengths[first] === 0) {
        first++;
        continue;
      }
      let end = first + 1;
      while (end < count && lengths[end] !== 0) end++;
      const at = (this.#headersAt + first * headerWords * 4) as Pointer;
      const sent = library().sendmmsg(descriptor, at, end - first, withoutWaiting);
      // The first one that is not sent is skipped, and then those behind it are tried.
      first += sent < 0 ? 1 : Math.max(1, sent);
    }
  }
}
