import { fail } from '#std/errors';

/**
 * What the engine and a receiver's process send each other: a length (4 bytes, little endian, of what follows), a kind, a payload.
 * Engine: `begin` (JSON, `ReceiveJob`), `packet`, `end`. Receiver: `packet`, `result` (JSON).
 */
export const frameKinds = { begin: 1, packet: 2, end: 3, result: 4 } as const;

const headBytes = 5;
/** A packet holds a piece of a file, or one name with all its attributes. */
const longestFrameBytes = 64 * 1024 * 1024;

export interface Frame {
  readonly kind: number;
  /** Valid until more is given to the reader. */
  readonly payload: Buffer;
}

/** Puts a frame together, as pieces to be written one after the other. */
export function frameHead(kind: number, payloadBytes: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  head.writeUInt32LE(payloadBytes + 1, 0);
  head[4] = kind;
  return head;
}

/** A frame in one piece. */
export function frameOf(kind: number, payload: Uint8Array): Buffer {
  return Buffer.concat([frameHead(kind, payload.length), payload]);
}

/** Takes frames out of a stream of bytes. */
export class FrameReader {
  #held: Buffer = Buffer.alloc(0);

  /** Frames that are complete with these bytes. */
  *take(bytes: Uint8Array): Generator<Frame> {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let rest: Buffer = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = Buffer.alloc(0);
    while (rest.length >= headBytes) {
      const length = rest.readUInt32LE(0);
      if (length > longestFrameBytes) throw fail('internal', 'a frame is too long');
      if (rest.length < 4 + length) break;
      yield { kind: rest[4] ?? 0, payload: rest.subarray(headBytes, 4 + length) };
      rest = rest.subarray(4 + length);
    }
    this.#held = rest.length === 0 ? rest : Buffer.from(rest);
  }
}
