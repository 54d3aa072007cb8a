/** The framing of RFC 6455, as a server needs it. */

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const finalBit = 0x80;
const maskBit = 0x80;
const reservedBits = 0x70;
const shortLength = 126;
const longLength = 127;
const largestControlBytes = 125;
const maskBytes = 4;

/** One frame, whole and without a mask, as a server sends it. */
export function encodeFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  let head: Buffer;
  if (length < shortLength) {
    head = Buffer.from([finalBit | opcode, length]);
  } else if (length < 0x10000) {
    head = Buffer.from([finalBit | opcode, shortLength, length >> 8, length & 0xff]);
  } else {
    head = Buffer.alloc(10);
    head[0] = finalBit | opcode;
    head[1] = longLength;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

/** A client that does not keep to the protocol: section 7.4.1, code 1002. */
export class ProtocolError extends Error {}

export interface FrameListener {
  /** Bytes of a message, as they come: a large frame is never held as a whole. */
  data(bytes: Buffer): void;
  /** A whole control frame. */
  control(opcode: number, payload: Buffer): void;
}

interface Frame {
  readonly opcode: number;
  readonly mask: Buffer;
  readonly length: number;
  position: number;
}

/** Takes a client's bytes apart, however they are cut. */
export class FrameReader {
  readonly #listener: FrameListener;
  #rest: Buffer = Buffer.alloc(0);
  #frame: Frame | undefined;
  /** Whether a message in several frames is under way. */
  #inMessage = false;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  /** Throws `ProtocolError` at what no client may send. */
  add(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (;;) {
      this.#frame ??= this.#readHead();
      if (this.#frame === undefined || !this.#readPayload(this.#frame)) return;
      this.#frame = undefined;
    }
  }

  #readHead(): Frame | undefined {
    const [first, second] = this.#rest;
    if (first === undefined || second === undefined) return undefined;
    const opcode = first & 0x0f;
    const isFinal = (first & finalBit) !== 0;
    if ((first & reservedBits) !== 0 || (second & maskBit) === 0) throw new ProtocolError('reserved bits, or no mask');
    const short = second & 0x7f;
    const lengthBytes = short === longLength ? 8 : short === shortLength ? 2 : 0;
    this.#checkOrder(opcode, isFinal, short);
    const headBytes = 2 + lengthBytes + maskBytes;
    if (this.#rest.length < headBytes) return undefined;
    const length =
      lengthBytes === 0
        ? short
        : lengthBytes === 2
          ? this.#rest.readUInt16BE(2)
          : Number(this.#rest.readBigUInt64BE(2));
    if (length >= 2 ** 63) throw new ProtocolError('a length without end');
    if (opcode < opcodes.close) this.#inMessage = !isFinal;
    const mask = Buffer.from(this.#rest.subarray(headBytes - maskBytes, headBytes));
    this.#rest = this.#rest.subarray(headBytes);
    return { opcode, mask, length, position: 0 };
  }

  #checkOrder(opcode: number, isFinal: boolean, short: number): void {
    if (opcode >= opcodes.close) {
      if (opcode > opcodes.pong || !isFinal || short > largestControlBytes)
        throw new ProtocolError('a bad control frame');
    } else if (opcode > opcodes.binary || (opcode === opcodes.continuation) !== this.#inMessage) {
      throw new ProtocolError('a frame out of order');
    }
  }

  /** Takes what there is of a frame's payload; true when that ends it. */
  #readPayload(frame: Frame): boolean {
    const isControl = frame.opcode >= opcodes.close;
    if (isControl && this.#rest.length < frame.length) return false;
    const payload = Buffer.from(this.#rest.subarray(0, frame.length - frame.position));
    this.#rest = this.#rest.subarray(payload.length);
    for (let index = 0; index < payload.length; index++)
      payload[index] = (payload[index] ?? 0) ^ (frame.mask[(frame.position + index) % maskBytes] ?? 0);
    frame.position += payload.length;
    if (isControl) this.#listener.control(frame.opcode, payload);
    else if (payload.length > 0) this.#listener.data(payload);
    return frame.position === frame.length;
  }
}
