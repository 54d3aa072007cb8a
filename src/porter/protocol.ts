import type { Socket } from 'node:net';
import { fail } from '#std/errors';
import type { UnpackOptions } from './unpack.ts';
import type { ViewRequest } from './view.ts';

/** What a session of the porter is for. The engine sends it as one line of JSON, and frames after it. */
export interface PorterRequest {
  readonly verb: 'stat' | 'pack' | 'export' | 'unpack';
  readonly view: ViewRequest;
  /** A byte string (`latin1`). */
  readonly path: string;
  /** What the client calls the container. */
  readonly container: string;
  readonly options?: UnpackOptions;
}

/**
 * A frame: its kind, the length of its payload in four bytes (big endian), the payload. From the porter: `accepted` at once,
 * then `head` (JSON, of a pack or stat), `data`, and last `result` (JSON: an error, or nothing). From the engine: `data`, then
 * `end`. A connection that closes before `result` or `end` has broken.
 */
export const frameKinds = { accepted: 1, head: 2, data: 3, result: 4, end: 5 } as const;

export type FrameKind = keyof typeof frameKinds;

export interface Frame {
  readonly kind: FrameKind;
  /** Of `data` perhaps only a piece; of the others all. */
  readonly payload: Buffer;
}

const headBytes = 5;
const largestControlBytes = 1024 * 1024;
const kindNames = new Map(Object.entries(frameKinds).map(([name, number]) => [number as number, name as FrameKind]));

/** The error that a result carries. */
export interface FrameError {
  readonly kind: string;
  readonly message: string;
}

function frameHead(kind: FrameKind, length: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  head[0] = frameKinds[kind];
  head.writeUInt32BE(length, 1);
  return head;
}

/** Writes frames to a socket, each when the socket has taken the one before. */
export class FrameWriter {
  readonly #socket: Socket;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    const wake = (): void => this.#wake?.();
    socket.on('drain', wake);
    socket.on('close', wake);
  }

  /** Rejects with `unavailable` when the other side is gone. */
  async write(kind: FrameKind, payload: Uint8Array = Buffer.alloc(0)): Promise<void> {
    const socket = this.#socket;
    if (!socket.destroyed) {
      const isTaken = socket.write(frameHead(kind, payload.length));
      if (payload.length === 0 ? isTaken : socket.write(payload)) return;
      if (!socket.destroyed) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      this.#wake = undefined;
    }
    if (socket.destroyed) throw fail('unavailable', 'the porter is gone');
  }
}

/** Reads frames as they come; those of data in pieces, so that none is gathered. */
export async function* readFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Frame, void, undefined> {
  let held: Buffer = Buffer.alloc(0);
  /** Of the data frame at hand. */
  let leftBytes = 0;
  for await (const chunk of source) {
    let rest: Buffer = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    held = Buffer.alloc(0);
    while (rest.length > 0) {
      if (leftBytes > 0) {
        const payload = rest.subarray(0, leftBytes);
        leftBytes -= payload.length;
        rest = rest.subarray(payload.length);
        yield { kind: 'data', payload };
        continue;
      }
      const length = rest.length < headBytes ? 0 : rest.readUInt32BE(1);
      const kind = kindNames.get(rest[0] ?? 0);
      if (kind === undefined) throw fail('internal', 'the porter speaks another language');
      const isWhole = rest.length >= headBytes && (kind === 'data' || rest.length >= headBytes + length);
      if (!isWhole) {
        if (length > largestControlBytes) throw fail('internal', 'a frame is too long');
        held = rest;
        break;
      }
      if (kind === 'data') {
        leftBytes = length;
        rest = rest.subarray(headBytes);
      } else {
        yield { kind, payload: rest.subarray(headBytes, headBytes + length) };
        rest = rest.subarray(headBytes + length);
      }
    }
  }
}
