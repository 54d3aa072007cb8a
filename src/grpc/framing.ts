import { failCall, type GrpcError } from './failure.ts';
import type { Http2Stream } from './http2/stream.ts';

/** As gRPC's own servers and BuildKit have it, four times as large: larger messages are refused. */
export const maxMessageBytes = 16 * 1024 * 1024;
/** What all half-come messages of a connection may hold together. */
const assemblyBytes = 128 * 1024 * 1024;
const prefixBytes = 5;

/** What half-come messages of one connection hold. */
export interface Assembly {
  bytes: number;
}

/** A whole message, and how much of the stream's window it still holds. */
export interface Arrived {
  readonly bytes: Buffer;
  readonly owedBytes: number;
}

/** The five bytes before a message: not compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
function prefix(length: number): Buffer {
  const head = Buffer.alloc(prefixBytes);
  head.writeUInt32BE(length, 1);
  return head;
}

/** Sends one message; resolves when there is room for more. */
export function sendMessage(stream: Http2Stream, bytes: Uint8Array): Promise<void> {
  return stream.send(prefix(bytes.byteLength), bytes);
}

/** Cuts the data of a stream into messages. */
export class MessageParser {
  readonly #assembly: Assembly;
  #parts: Buffer[] = [];
  #held = 0;
  /** Of what is held, for how much the other side was told to send more: a message may be larger than the window. */
  #credited = 0;
  #needed = prefixBytes;

  constructor(assembly: Assembly) {
    this.#assembly = assembly;
  }

  /**
   * The messages that are whole now, and how many bytes of what is not whole may be asked for anew.
   * Throws `GrpcError` for a message that is too large or compressed.
   */
  push(chunk: Buffer): { readonly messages: Arrived[]; readonly credit: number } {
    this.#parts.push(chunk);
    this.#held += chunk.byteLength;
    this.#assembly.bytes += chunk.byteLength;
    if (this.#assembly.bytes > assemblyBytes) throw failCall('resource-exhausted', 'too many large messages at once');
    const messages: Arrived[] = [];
    if (this.#held >= this.#needed) this.#cut(messages);
    const credit = this.#held - this.#credited;
    this.#credited = this.#held;
    return { messages, credit };
  }

  /** Whether the data ends within a message. */
  get isWithin(): boolean {
    return this.#held > 0;
  }

  /** Lets go of what is held. */
  clear(): void {
    this.#assembly.bytes -= this.#held;
    this.#held = 0;
    this.#parts = [];
  }

  #cut(messages: Arrived[]): void {
    let [rest = Buffer.alloc(0)] = this.#parts;
    if (this.#parts.length > 1) rest = Buffer.concat(this.#parts, this.#held);
    const before = rest.byteLength;
    for (;;) {
      this.#needed = prefixBytes;
      if (rest.byteLength < prefixBytes) break;
      if (rest[0] !== 0) throw compressed();
      const length = rest.readUInt32BE(1);
      if (length > maxMessageBytes) throw tooLarge(length);
      this.#needed = prefixBytes + length;
      if (rest.byteLength < this.#needed) break;
      messages.push({ bytes: rest.subarray(prefixBytes, this.#needed), owedBytes: this.#needed - this.#takeCredit() });
      rest = rest.subarray(this.#needed);
    }
    this.#parts = rest.byteLength > 0 ? [rest] : [];
    this.#assembly.bytes -= before - rest.byteLength;
    this.#held = rest.byteLength;
  }

  #takeCredit(): number {
    const taken = Math.min(this.#credited, this.#needed);
    this.#credited -= taken;
    return taken;
  }
}

function compressed(): GrpcError {
  return failCall('internal', 'grpc: compressed flag set with identity or empty encoding');
}

function tooLarge(length: number): GrpcError {
  return failCall('resource-exhausted', `grpc: received message larger than max (${length} vs. ${maxMessageBytes})`);
}
