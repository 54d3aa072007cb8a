import {
  defaultFrameBytes,
  defaultWindowBytes,
  flags,
  frame,
  frameHead,
  frameTypes,
  largestWindowBytes,
  ProtocolFault,
  resetCodes,
  settingNumbers,
  settingsIn,
} from './frames.ts';
import { encodeHeaders, type Header } from './hpack.ts';
import type { Outlet } from './outlet.ts';
import type { Http2Stream } from './stream.ts';

/** The largest frame that is taken, and sent to who takes as much. */
export const maxFrameBytes = 128 * 1024;

/** The sending half of a connection: shares what the other side takes among its streams. */
export class Sender {
  /** What the other side takes of a new stream. */
  peerWindow = defaultWindowBytes;
  readonly #outlet: Outlet;
  readonly #onEnded: (stream: Http2Stream) => void;
  readonly #ready = new Set<Http2Stream>();
  #window = defaultWindowBytes;
  #frameBytes = defaultFrameBytes;

  /** `onEnded` is told of a stream whose last frame went out. */
  constructor(outlet: Outlet, onEnded: (stream: Http2Stream) => void) {
    this.#outlet = outlet;
    this.#onEnded = onEnded;
  }

  wake(stream: Http2Stream): void {
    if (!stream.isReady) return;
    this.#ready.add(stream);
    this.pump();
  }

  forget(stream: Http2Stream): void {
    this.#ready.delete(stream);
  }

  sendHeaders(stream: Http2Stream, headers: readonly Header[], isLast: boolean): void {
    const block = encodeHeaders(headers);
    for (let at = 0; at === 0 || at < block.byteLength; at += this.#frameBytes) {
      const piece = block.subarray(at, at + this.#frameBytes);
      const isWhole = at + piece.byteLength === block.byteLength;
      const flag = (at === 0 && isLast ? flags.endStream : 0) | (isWhole ? flags.endHeaders : 0);
      this.#outlet.write(frame(at === 0 ? frameTypes.headers : frameTypes.continuation, flag, stream.id, piece));
    }
    if (isLast) this.#onEnded(stream);
  }

  /** Sends what the windows allow, a frame of each stream in turn. */
  pump(): void {
    for (let moved = true; moved && this.#ready.size > 0; ) {
      moved = false;
      for (const stream of [...this.#ready]) {
        if (this.#outlet.isFull) return;
        this.#ready.delete(stream);
        moved = this.#sendSome(stream) || moved;
        if (stream.isReady) this.#ready.add(stream);
      }
    }
  }

  /** Returns whether anything went out. */
  #sendSome(stream: Http2Stream): boolean {
    const limit = Math.min(this.#frameBytes, stream.sendWindow, this.#window);
    const { parts, bytes, isLast } = stream.take(Math.max(limit, 0));
    if (bytes > 0 || isLast) {
      stream.sendWindow -= bytes;
      this.#window -= bytes;
      this.#outlet.write(frameHead(frameTypes.data, isLast ? flags.endStream : 0, stream.id, bytes), ...parts);
    }
    if (isLast) this.#onEnded(stream);
    else stream.finishIfDue();
    return bytes > 0 || stream.localEnded;
  }

  /** Follows what the other side says of itself, and says so. Throws `ProtocolFault`. */
  takeSettings(payload: Buffer, streams: ReadonlyMap<number, Http2Stream>): void {
    for (const [number, value] of settingsIn(payload)) {
      if (number === settingNumbers.initialWindowSize) {
        if (value > largestWindowBytes) throw new ProtocolFault(resetCodes.flowControl, 'a window too large');
        for (const stream of streams.values()) stream.sendWindow += value - this.peerWindow;
        this.peerWindow = value;
      } else if (number === settingNumbers.maxFrameSize) {
        if (value < defaultFrameBytes) throw new ProtocolFault(resetCodes.protocol, 'frames too small');
        this.#frameBytes = Math.min(value, maxFrameBytes);
      }
    }
    this.#outlet.write(frame(frameTypes.settings, flags.acknowledge, 0, Buffer.alloc(0)));
    for (const stream of streams.values()) this.wake(stream);
  }

  /** The other side takes more in all. Throws `ProtocolFault`. */
  growWindow(growth: number): void {
    this.#window += growth;
    if (this.#window > largestWindowBytes) throw new ProtocolFault(resetCodes.flowControl, 'a window too large');
    this.pump();
  }

  /** The other side takes more of one stream; false when that is more than there may be. */
  growStreamWindow(stream: Http2Stream, growth: number): boolean {
    stream.sendWindow += growth;
    if (stream.sendWindow > largestWindowBytes) return false;
    this.wake(stream);
    return true;
  }
}
