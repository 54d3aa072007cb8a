import type { Socket } from 'bun';
import { log } from '#std/log';
import type { StreamName } from './records.ts';
import { Spool } from './spool.ts';

/** A client that takes output slower than this much slows the process down, where nothing of it can be kept on disk. */
const patienceBytes = 1024 * 1024;
/** What is held in memory for a client whose output can be kept on disk. */
const memoryBytes = 256 * 1024;
/** A client that holds a process up is let go when it takes nothing at all for so long. */
const stuckMs = 10_000;
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
  #spool: Spool | undefined;
  #takenBytes = 0;
  #stuckTimer: ReturnType<typeof setTimeout> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Is called when a client that was too slow has caught up or gone. */
  onRelief: () => void = () => undefined;

  constructor(socket: Socket<unknown>, options: SubscriberOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Whether output should wait for this client. */
  get isSlow(): boolean {
    return this.#spool === undefined ? this.#queuedBytes > patienceBytes : this.#spool.isStrained;
  }

  /** From now on what the client does not take is kept in a file in that directory. */
  spoolIn(directory: string): void {
    this.#spool = new Spool(directory, (bytes) => this.#spooled(bytes));
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
    if (this.#isIdle) {
      const taken = this.#offer(bytes);
      if (taken === bytes.length) return;
      rest = bytes.subarray(taken);
    }
    const spool = this.#spool;
    if (spool !== undefined && (!spool.isEmpty || this.#queuedBytes > memoryBytes)) {
      spool.push(Buffer.from(rest));
      if (spool.isStrained) this.#watchProgress();
    } else {
      this.#queue.push(Buffer.from(rest));
      this.#queuedBytes += rest.length;
    }
  }

  /** Goes on when the connection takes bytes again. */
  drain(): void {
    const wasSlow = this.isSlow;
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const taken = this.#offer(first);
      this.#queuedBytes -= taken;
      if (taken < first.length) {
        this.#queue[0] = first.subarray(taken);
        break;
      }
      this.#queue.shift();
    }
    if (this.#queuedBytes < memoryBytes && this.#spool?.isEmpty === false) this.#spool.want();
    if (wasSlow && !this.isSlow) this.onRelief();
    if (this.#ending && this.#isIdle) this.#shutDown();
  }

  get #isIdle(): boolean {
    return this.#queuedBytes === 0 && this.#spool?.isEmpty !== false;
  }

  /** How much the connection takes now. */
  #offer(bytes: Uint8Array): number {
    const taken = Math.max(this.#socket.write(bytes), 0);
    this.#takenBytes += taken;
    return taken;
  }

  #spooled(bytes: Buffer): void {
    if (this.#closed) return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.drain();
    // It may have been the last that a process waited for.
    if (!this.isSlow) this.onRelief();
  }

  /** Lets the client go when it takes nothing while a process waits for it. */
  #watchProgress(): void {
    if (this.#stuckTimer !== undefined) return;
    const before = this.#takenBytes;
    this.#stuckTimer = setTimeout(() => {
      this.#stuckTimer = undefined;
      if (this.#closed || !this.isSlow) return;
      if (this.#takenBytes > before) this.#watchProgress();
      else {
        log('warn', 'an attached client that takes nothing is let go', {});
        this.#socket.terminate();
      }
    }, stuckMs);
  }

  /** Ends the connection once everything queued was sent. */
  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    if (this.#isIdle) this.#shutDown();
  }

  /** The connection is gone. */
  closed(): void {
    this.#closed = true;
    clearTimeout(this.#closeTimer);
    clearTimeout(this.#stuckTimer);
    this.#spool?.close();
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
