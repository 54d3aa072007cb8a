import { type EstibaError, fail } from '#std/errors';
import type { Header } from './hpack.ts';
import { ReceiveWindow } from './receive-window.ts';

/** Told what the other side sends on one stream. Nothing of it may throw. */
export interface StreamListener {
  /** The first are the stream's own, the last ones of a stream that has had data are its trailers. */
  onHeaders(headers: readonly Header[], isLast: boolean): void;
  /** The bytes stay what they are. They count in the window until `consumed`. */
  onData(bytes: Buffer): void;
  /** The other side sends no more. */
  onEnd(): void;
  /** Nothing more comes or goes; once. With an error when it was broken off. */
  onClosed(error: EstibaError | undefined): void;
}

/** What a stream asks of its connection. */
export interface StreamHost {
  wake(stream: Http2Stream): void;
  credit(stream: Http2Stream, bytes: number): void;
  sendHeaders(stream: Http2Stream, headers: readonly Header[], isLast: boolean): void;
  reset(stream: Http2Stream, code: number): void;
}

/** What a stream holds before its sender has to wait. */
const highWaterBytes = 256 * 1024;

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** One stream of a connection: a request and its answer. */
export class Http2Stream {
  listener: StreamListener | undefined;
  /** How much the other side still takes, and how much it may still send. */
  sendWindow: number;
  readonly receiveWindow: ReceiveWindow;
  /** Which sides have ended. */
  localEnded = false;
  remoteEnded = false;
  hasHeaders = false;
  closed = false;
  readonly #host: StreamHost;
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #ending: (() => void) | undefined;
  #endsWithData = false;
  #waiters: Waiter[] = [];
  #error: EstibaError | undefined;

  constructor(
    readonly id: number,
    host: StreamHost,
    windows: { send: number; receive: number },
  ) {
    this.#host = host;
    this.sendWindow = windows.send;
    this.receiveWindow = new ReceiveWindow(windows.receive);
  }

  /** Whether it has something that could go out now. */
  get isReady(): boolean {
    if (this.closed || this.localEnded) return false;
    return this.#queuedBytes > 0 ? this.sendWindow > 0 : this.#ending !== undefined;
  }

  sendHeaders(headers: readonly Header[]): void {
    if (!this.closed && !this.localEnded) this.#host.sendHeaders(this, headers, false);
  }

  /** Queues data; resolves when there is room for more. Rejects when the stream is over. */
  send(...parts: readonly Uint8Array[]): Promise<void> {
    if (this.closed || this.localEnded || this.#ending !== undefined) {
      return Promise.reject(this.#error ?? fail('cancelled', 'the stream is over'));
    }
    for (const part of parts) {
      if (part.byteLength === 0) continue;
      this.#queue.push(part);
      this.#queuedBytes += part.byteLength;
    }
    this.#host.wake(this);
    if (this.#queuedBytes <= highWaterBytes) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Ends this side once all data is out: with trailers, or with none. */
  end(trailers?: readonly Header[]): void {
    if (this.closed || this.localEnded || this.#ending !== undefined) return;
    this.#ending = () => {
      if (trailers !== undefined) this.#host.sendHeaders(this, trailers, true);
    };
    this.#endsWithData = trailers === undefined;
    this.#host.wake(this);
  }

  /** Breaks the stream off. */
  reset(code: number): void {
    if (!this.closed) this.#host.reset(this, code);
  }

  /** `bytes` of what `onData` gave are done with: the other side may send as many more. */
  consumed(bytes: number): void {
    this.#host.credit(this, bytes);
  }

  /** Up to `limit` bytes of what waits, for one frame; with it whether the frame is the last. For the connection alone. */
  take(limit: number): { readonly parts: Uint8Array[]; readonly bytes: number; readonly isLast: boolean } {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    while (bytes < limit) {
      const part = this.#queue[0];
      if (part === undefined) break;
      const room = limit - bytes;
      if (part.byteLength <= room) {
        this.#queue.shift();
        parts.push(part);
        bytes += part.byteLength;
      } else {
        parts.push(part.subarray(0, room));
        this.#queue[0] = part.subarray(room);
        bytes = limit;
      }
    }
    this.#queuedBytes -= bytes;
    if (this.#queuedBytes <= highWaterBytes / 2) this.#release(undefined);
    const isLast = this.#queuedBytes === 0 && this.#ending !== undefined && this.#endsWithData;
    return { parts, bytes, isLast };
  }

  /** Sends trailers that are due when no data waits any more. For the connection alone. */
  finishIfDue(): void {
    if (this.#queuedBytes > 0 || this.#endsWithData) return;
    const ending = this.#ending;
    this.#ending = undefined;
    ending?.();
  }

  /** For the connection alone. */
  close(error: EstibaError | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.#error = error;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#release(error ?? fail('cancelled', 'the stream is over'));
    this.listener?.onClosed(error);
  }

  #release(error: EstibaError | undefined): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (error === undefined) waiter.resolve();
      else waiter.reject(error);
    }
  }
}
