import type { Socket } from 'bun';
import type { StreamName } from './records.ts';

/** A client that takes output slower than this much slows the process down. */
const patienceBytes = 1024 * 1024;
const headerBytes = 8;
const closeTimeoutMs = 5000;

export interface SubscriberOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly framing: 'multiplexed' | 'raw';
}

/** One attached client's output: frames it, and keeps what its connection does not take at once. */
export class Subscriber {
  readonly #socket: Socket<unknown>;
  readonly #options: SubscriberOptions;
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #ending = false;
  #closed = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Is called when a client that was too slow has caught up or gone. */
  onRelief: () => void = () => undefined;

  constructor(socket: Socket<unknown>, options: SubscriberOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Whether output should wait for this client. */
  get isSlow(): boolean {
    return this.#queuedBytes > patienceBytes;
  }

  wants(stream: StreamName): boolean {
    return !this.#closed && this.#options[stream];
  }

  /** Sends a copy of `bytes`. */
  send(stream: StreamName, bytes: Uint8Array): void {
    if (this.#closed || this.#ending || bytes.length === 0) return;
    if (this.#options.framing === 'raw') {
      this.write(bytes);
      return;
    }
    const frame = Buffer.allocUnsafe(headerBytes + bytes.length);
    frame.fill(0, 0, headerBytes);
    frame[0] = stream === 'stdout' ? 1 : 2;
    frame.writeUInt32BE(bytes.length, 4);
    frame.set(bytes, headerBytes);
    this.write(frame);
  }

  /** Sends bytes as they are; what the connection does not take now is copied. */
  write(bytes: Uint8Array): void {
    let rest = bytes;
    if (this.#queuedBytes === 0) {
      const taken = Math.max(this.#socket.write(bytes), 0);
      if (taken === bytes.length) return;
      rest = bytes.subarray(taken);
    }
    this.#queue.push(Buffer.from(rest));
    this.#queuedBytes += rest.length;
  }

  /** Goes on when the connection takes bytes again. */
  drain(): void {
    const wasSlow = this.isSlow;
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const taken = Math.max(this.#socket.write(first), 0);
      this.#queuedBytes -= taken;
      if (taken < first.length) {
        this.#queue[0] = first.subarray(taken);
        break;
      }
      this.#queue.shift();
    }
    if (wasSlow && !this.isSlow) this.onRelief();
    if (this.#ending && this.#queuedBytes === 0) this.#shutDown();
  }

  /** Ends the connection once everything queued was sent. */
  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    if (this.#queuedBytes === 0) this.#shutDown();
  }

  /** The connection is gone. */
  closed(): void {
    this.#closed = true;
    clearTimeout(this.#closeTimer);
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.onRelief();
  }

  /** Ends our half only, and waits for the client's: closing with unread input would cost the client its last output. */
  #shutDown(): void {
    this.#socket.shutdown();
    this.#closeTimer = setTimeout(() => this.#socket.terminate(), closeTimeoutMs);
  }
}
