import { type EstibaError, fail } from '#std/errors';

/** HTTP/2's frames (RFC 9113, section 6). */
export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, acknowledge: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** Why a stream or a connection ends (RFC 9113, section 7). */
export const resetCodes = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refused: 7,
  cancel: 8,
  compression: 9,
  calm: 11,
} as const;

export const settingNumbers = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const frameHeadBytes = 9;
/** What a frame may hold until the other side says otherwise. */
export const defaultFrameBytes = 16_384;
export const defaultWindowBytes = 65_535;
export const largestWindowBytes = 2 ** 31 - 1;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  /** 0 for the connection itself. */
  readonly stream: number;
  readonly payload: Buffer;
}

/** The other side breaks the protocol: the connection ends with this code. */
export class ProtocolFault extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** The nine bytes before a payload of `length` bytes. */
export function frameHead(type: number, flag: number, stream: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(frameHeadBytes);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flag;
  head.writeUInt32BE(stream, 5);
  return head;
}

/** A whole frame. */
export function frame(type: number, flag: number, stream: number, payload: Uint8Array): Buffer {
  return Buffer.concat([frameHead(type, flag, stream, payload.byteLength), payload]);
}

/** A frame whose payload is one number of 32 bits: a window's growth, the reason for an end. */
export function numberFrame(type: number, stream: number, value: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value, 0);
  return frame(type, 0, stream, payload);
}

/** Cuts what comes into frames; holds no more than one of them. */
export class FrameParser {
  #chunks: Buffer[] = [];
  #held = 0;
  #needed = frameHeadBytes;
  readonly #maxFrameBytes: number;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** The frames that are whole with `chunk`; their payloads are views into what came. Throws `ProtocolFault`. */
  *push(chunk: Buffer): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#held += chunk.byteLength;
    if (this.#held < this.#needed) return;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#held);
    this.#chunks = [];
    for (;;) {
      this.#needed = frameHeadBytes;
      if (rest.byteLength < frameHeadBytes) break;
      const length = rest.readUIntBE(0, 3);
      if (length > this.#maxFrameBytes) throw new ProtocolFault(resetCodes.frameSize, `frame of ${length} bytes`);
      this.#needed = frameHeadBytes + length;
      if (rest.byteLength < this.#needed) break;
      const payload = rest.subarray(frameHeadBytes, this.#needed);
      const found = { type: rest[3] ?? 0, flags: rest[4] ?? 0, stream: rest.readUInt32BE(5) & 0x7fffffff, payload };
      rest = rest.subarray(this.#needed);
      yield found;
    }
    this.#held = rest.byteLength;
    if (rest.byteLength > 0) this.#chunks.push(rest);
  }
}

/** The payload without its padding and, of headers, its priority. */
export function unpadded({ type, flags: flag, payload }: Frame): Buffer {
  let start = 0;
  let end = payload.byteLength;
  if ((flag & flags.padded) !== 0) {
    start = 1;
    end -= payload[0] ?? 0;
  }
  if (type === frameTypes.headers && (flag & flags.priority) !== 0) start += 5;
  if (start > end) throw new ProtocolFault(resetCodes.protocol, 'padding longer than its frame');
  return payload.subarray(start, end);
}

/** Numbers and values of a SETTINGS frame. */
export function* settingsIn(payload: Buffer): Generator<readonly [number, number]> {
  if (payload.byteLength % 6 !== 0) throw new ProtocolFault(resetCodes.frameSize, 'settings of an odd length');
  for (let at = 0; at < payload.byteLength; at += 6) yield [payload.readUInt16BE(at), payload.readUInt32BE(at + 2)];
}

/** The SETTINGS frame that says `settings`. */
export function settingsFrame(settings: Readonly<Partial<Record<keyof typeof settingNumbers, number>>>): Buffer {
  const entries = Object.entries(settings);
  const payload = Buffer.alloc(entries.length * 6);
  for (const [index, [name, value]] of entries.entries()) {
    if (value === undefined) throw fail('internal', `setting ${name} has no value`);
    payload.writeUInt16BE(settingNumbers[name as keyof typeof settingNumbers], index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return frame(frameTypes.settings, 0, 0, payload);
}

/** The number that is a frame's whole payload. */
export function firstNumber({ payload }: Frame): number {
  if (payload.byteLength !== 4) throw new ProtocolFault(resetCodes.frameSize, 'a frame of another size');
  return payload.readUInt32BE(0);
}

/** What a reset means (gRPC over HTTP/2, "HTTP2 Transport Mapping"). An end without an error comes after a whole answer. */
export function resetError(code: number): EstibaError | undefined {
  if (code === resetCodes.none) return undefined;
  if (code === resetCodes.refused) return fail('unavailable', 'the other side refused the stream');
  if (code === resetCodes.cancel) return fail('cancelled', 'the other side cancelled');
  if (code === resetCodes.calm) return fail('exhausted', 'the other side has had enough');
  return fail('internal', `the other side broke the stream off with code ${code}`);
}
