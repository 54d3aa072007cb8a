import type { Duplex } from 'node:stream';
import { type EstibaError, fail, messageOf } from '#std/errors';
import {
  defaultWindowBytes,
  type Frame,
  FrameParser,
  firstNumber,
  flags,
  frame,
  frameTypes,
  numberFrame,
  ProtocolFault,
  preface,
  resetCodes,
  resetError,
  settingsFrame,
  unpadded,
} from './frames.ts';
import { type Header, HeaderDecoder } from './hpack.ts';
import { Outlet } from './outlet.ts';
import { ReceiveWindow } from './receive-window.ts';
import { maxFrameBytes, Sender } from './sender.ts';
import { Http2Stream, type StreamHost } from './stream.ts';

/** What one stream may send before it is read, and all of them together: a peer of this host fills neither. */
const streamWindowBytes = 1024 * 1024;
const connectionWindowBytes = 16 * 1024 * 1024;
const maxHeaderListBytes = 256 * 1024;
/** As Go's server has it. */
const maxStreams = 250;
/** How long a client may take to begin. */
const prefaceTimeoutMs = 30_000;

/** Takes a stream that the client opened; sets its listener. */
export type OnStream = (stream: Http2Stream, headers: readonly Header[]) => void;

/** One HTTP/2 connection without TLS over any duplex (RFC 9113, prior knowledge): what gRPC needs of it. */
export class Http2Connection implements StreamHost {
  /** Resolves when all is over, for whatever reason. */
  readonly closed: Promise<void>;
  readonly signal: AbortSignal;
  readonly #onStream: OnStream | undefined;
  readonly #outlet: Outlet;
  readonly #sender: Sender;
  readonly #parser = new FrameParser(maxFrameBytes);
  readonly #headers = new HeaderDecoder();
  readonly #streams = new Map<number, Http2Stream>();
  readonly #abort = new AbortController();
  #over: () => void = () => undefined;
  #isOver = false;
  #refusesNew = false;
  /** What is still missing of the client's first bytes. */
  #prefaceLeft: Buffer;
  #block: { readonly stream: number; readonly isLast: boolean; readonly parts: Buffer[]; bytes: number } | undefined;
  #lastRemoteId = 0;
  #nextId = 1;
  readonly #receiveWindow = new ReceiveWindow(connectionWindowBytes);
  #prefaceTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(duplex: Duplex, onStream?: OnStream) {
    this.#onStream = onStream;
    this.signal = this.#abort.signal;
    this.closed = new Promise((resolve) => {
      this.#over = resolve;
    });
    this.#outlet = new Outlet(duplex, {
      onRoom: () => this.#sender.pump(),
      onFlooded: () => this.#end(fail('unavailable', 'the other side reads nothing')),
    });
    this.#sender = new Sender(this.#outlet, (stream) => this.#endLocal(stream));
    this.#prefaceLeft = onStream === undefined ? Buffer.alloc(0) : preface;
    if (onStream === undefined) this.#outlet.write(preface);
    else this.#prefaceTimer = setTimeout(() => this.#end(fail('unavailable', 'no HTTP/2 came')), prefaceTimeoutMs);
    this.#outlet.write(
      settingsFrame({
        ...(onStream === undefined ? { enablePush: 0 } : { maxConcurrentStreams: maxStreams }),
        initialWindowSize: streamWindowBytes,
        maxFrameSize: maxFrameBytes,
        maxHeaderListSize: maxHeaderListBytes,
      }),
      numberFrame(frameTypes.windowUpdate, 0, connectionWindowBytes - defaultWindowBytes),
    );
    duplex.on('error', (error: unknown) => this.#end(fail('unavailable', `connection broke: ${messageOf(error)}`)));
    duplex.on('close', () => this.#end(fail('unavailable', 'the connection is closed')));
    duplex.on('end', () => this.#end(fail('unavailable', 'the connection is closed')));
    duplex.on('data', (chunk: Buffer) => this.#receive(chunk));
    duplex.resume();
  }

  /** Opens a stream with its headers. Throws `unavailable` when the connection is over. */
  open(headers: readonly Header[], listener: NonNullable<Http2Stream['listener']>): Http2Stream {
    if (this.#isOver || this.#refusesNew) throw fail('unavailable', 'the connection is closed');
    const stream = this.#add(this.#nextId, listener);
    this.#nextId += 2;
    this.sendHeaders(stream, headers, false);
    return stream;
  }

  /** Ends the connection at once with all its streams. */
  close(): void {
    if (this.#isOver) return;
    this.#goAway(resetCodes.none);
    this.#end(fail('unavailable', 'the connection is closed'));
  }

  wake(stream: Http2Stream): void {
    this.#sender.wake(stream);
  }

  sendHeaders(stream: Http2Stream, headers: readonly Header[], isLast: boolean): void {
    this.#sender.sendHeaders(stream, headers, isLast);
  }

  credit(stream: Http2Stream, bytes: number): void {
    if (stream.closed || stream.remoteEnded) return;
    this.#tellGrowth(stream.id, stream.receiveWindow.credit(bytes));
  }

  #tellGrowth(id: number, bytes: number): void {
    if (bytes > 0) this.#outlet.write(numberFrame(frameTypes.windowUpdate, id, bytes));
  }

  reset(stream: Http2Stream, code: number): void {
    this.#outlet.write(numberFrame(frameTypes.reset, stream.id, code));
    this.#remove(stream, code === resetCodes.none ? undefined : fail('cancelled', 'the stream was broken off'));
  }

  #add(id: number, listener?: Http2Stream['listener']): Http2Stream {
    const stream = new Http2Stream(id, this, { send: this.#sender.peerWindow, receive: streamWindowBytes });
    stream.listener = listener;
    this.#streams.set(id, stream);
    return stream;
  }

  #remove(stream: Http2Stream, error: EstibaError | undefined): void {
    this.#streams.delete(stream.id);
    this.#sender.forget(stream);
    stream.close(error);
  }

  #endLocal(stream: Http2Stream): void {
    stream.localEnded = true;
    this.#sender.forget(stream);
    if (stream.remoteEnded) this.#remove(stream, undefined);
  }

  #endRemote(stream: Http2Stream): void {
    stream.remoteEnded = true;
    stream.listener?.onEnd();
    if (stream.localEnded && !stream.closed) this.#remove(stream, undefined);
  }

  #goAway(code: number): void {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(this.#lastRemoteId, 0);
    payload.writeUInt32BE(code, 4);
    this.#outlet.write(frame(frameTypes.goAway, 0, 0, payload));
  }

  #end(error: EstibaError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#prefaceTimer);
    this.#outlet.close();
    for (const stream of [...this.#streams.values()]) this.#remove(stream, error);
    this.#abort.abort(error);
    this.#over();
  }

  #receive(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      let rest = chunk;
      if (this.#prefaceLeft.byteLength > 0) {
        const piece = rest.subarray(0, this.#prefaceLeft.byteLength);
        if (!this.#prefaceLeft.subarray(0, piece.byteLength).equals(piece)) {
          throw new ProtocolFault(resetCodes.protocol, 'this is no HTTP/2');
        }
        this.#prefaceLeft = this.#prefaceLeft.subarray(piece.byteLength);
        rest = rest.subarray(piece.byteLength);
        if (this.#prefaceLeft.byteLength > 0) return;
        clearTimeout(this.#prefaceTimer);
      }
      for (const found of this.#parser.push(rest)) {
        this.#take(found);
        if (this.#isOver) return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolFault)) throw error;
      this.#goAway(error.code);
      this.#end(fail('unavailable', `the other side breaks HTTP/2: ${error.message}`));
    }
  }

  #take(found: Frame): void {
    if (this.#block !== undefined && found.type !== frameTypes.continuation) {
      throw new ProtocolFault(resetCodes.protocol, 'headers broken off');
    }
    this.#takers[found.type]?.(found, this.#streams.get(found.stream));
  }

  readonly #takers: Readonly<Record<number, (found: Frame, stream: Http2Stream | undefined) => void>> = {
    [frameTypes.data]: (found, stream) => this.#takeData(found, stream),
    [frameTypes.headers]: (found) => {
      this.#block = { stream: found.stream, isLast: (found.flags & flags.endStream) !== 0, parts: [], bytes: 0 };
      this.#takeBlock(unpadded(found), found.flags);
    },
    [frameTypes.continuation]: (found) => {
      if (this.#block?.stream !== found.stream) throw new ProtocolFault(resetCodes.protocol, 'headers of nobody');
      this.#takeBlock(found.payload, found.flags);
    },
    [frameTypes.reset]: (found, stream) => {
      const error = resetError(firstNumber(found));
      if (stream !== undefined) this.#remove(stream, error);
    },
    [frameTypes.settings]: (found) => {
      if ((found.flags & flags.acknowledge) === 0) this.#sender.takeSettings(found.payload, this.#streams);
    },
    [frameTypes.ping]: (found) => {
      if (found.payload.byteLength !== 8) throw new ProtocolFault(resetCodes.frameSize, 'a ping of another size');
      if ((found.flags & flags.acknowledge) !== 0) return;
      this.#outlet.write(frame(frameTypes.ping, flags.acknowledge, 0, found.payload));
    },
    [frameTypes.goAway]: () => {
      this.#refusesNew = true;
    },
    [frameTypes.windowUpdate]: (found, stream) => {
      const growth = firstNumber(found) & 0x7fffffff;
      if (found.stream === 0) this.#sender.growWindow(growth);
      else if (stream !== undefined && !this.#sender.growStreamWindow(stream, growth)) {
        this.reset(stream, resetCodes.flowControl);
      }
    },
    [frameTypes.pushPromise]: () => {
      throw new ProtocolFault(resetCodes.protocol, 'nobody asked for a push');
    },
  };

  #takeData(found: Frame, stream: Http2Stream | undefined): void {
    const length = found.payload.byteLength;
    this.#receiveWindow.take(length);
    this.#tellGrowth(0, this.#receiveWindow.credit(length));
    // Of a stream that was broken off data may still be on its way.
    if (stream === undefined && this.#isKnown(found.stream)) return;
    if (stream === undefined || stream.remoteEnded)
      throw new ProtocolFault(resetCodes.streamClosed, 'data of no stream');
    stream.receiveWindow.take(length);
    const data = unpadded(found);
    if (length > data.byteLength) stream.consumed(length - data.byteLength);
    if (data.byteLength > 0) stream.listener?.onData(data);
    if ((found.flags & flags.endStream) !== 0 && !stream.closed) this.#endRemote(stream);
  }

  /** Whether a stream of that number was there once. */
  #isKnown(id: number): boolean {
    return id !== 0 && (id % 2 === 1) === (this.#onStream !== undefined) ? id <= this.#lastRemoteId : id < this.#nextId;
  }

  #takeBlock(piece: Buffer, flag: number): void {
    const block = this.#block;
    if (block === undefined) return;
    block.parts.push(piece);
    block.bytes += piece.byteLength;
    if (block.bytes > maxHeaderListBytes || block.parts.length > 64) {
      throw new ProtocolFault(resetCodes.calm, 'too many headers');
    }
    if ((flag & flags.endHeaders) === 0) return;
    this.#block = undefined;
    const headers = this.#headers.decode(Buffer.concat(block.parts), maxHeaderListBytes);
    const stream = this.#streams.get(block.stream) ?? this.#accept(block.stream, headers);
    if (stream === undefined) return;
    if (stream.remoteEnded) throw new ProtocolFault(resetCodes.streamClosed, 'headers after the end');
    // Those that opened it `#accept` has handed out.
    if (stream.hasHeaders || this.#onStream === undefined) stream.listener?.onHeaders(headers, block.isLast);
    stream.hasHeaders = true;
    if (block.isLast && !stream.closed) this.#endRemote(stream);
  }

  /** A stream that the client opens; undefined for one that is refused, or was closed before. */
  #accept(id: number, headers: readonly Header[]): Http2Stream | undefined {
    if (this.#isKnown(id)) return undefined;
    if (this.#onStream === undefined || id % 2 === 0)
      throw new ProtocolFault(resetCodes.protocol, `stream ${id} opened`);
    this.#lastRemoteId = id;
    if (this.#streams.size >= maxStreams) {
      this.#outlet.write(numberFrame(frameTypes.reset, id, resetCodes.refused));
      return undefined;
    }
    const stream = this.#add(id);
    this.#onStream(stream, headers);
    return stream;
  }
}
