import { isWritable, movePipe, readableBytes, setPipeSize, setSignalling } from '#linux/fifo';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import { nowNs } from '#std/time';
import type { ChunkMark } from './chunk-mark.ts';
import { consumeFifo, hotPipeBytes, peekFifo, takeFifo } from './fifo-reader.ts';
import type { Forwarder } from './forward/forwarder.ts';
import type { LogSink } from './log-sink.ts';
import type { Readiness } from './readiness.ts';
import { formatRecords, type StreamName, withoutCutCharacter } from './records.ts';
import type { Subscriber } from './subscriber.ts';

const recordBufferBytes = 512 * 1024;
/** A FIFO found this full belongs to a fast writer. */
const hotBytes = 32 * 1024;
const transferBytes = 64 * 1024;
const retryMs = 500;
/** How long a fast writer with nobody attached is left to gather lines, so that they are written in larger chunks. */
const gatherMs = 1;
const smallChunkBytes = 16 * 1024;
/** How long an exit waits for a log that cannot be written. */
const finishTimeoutMs = 10_000;

const recordBuffer = Buffer.allocUnsafeSlow(recordBufferBytes);

/** One FIFO that the process writes to. */
interface OutputStream {
  readonly name: StreamName;
  readonly descriptor: number;
  /** How many bytes at the FIFO's head attached clients have already seen. */
  shownBytes: number;
  /** While finishing: how many bytes are still to be taken. */
  leftBytes: number;
  enlarged: boolean;
}

/** Where a process's output comes from, and what is kept of it. */
export interface OutputOptions {
  readonly streams: readonly { readonly name: StreamName; readonly descriptor: number }[];
  /** The master of a process with a terminal, whose output passes through the `stdout` FIFO. */
  readonly master?: number;
  readonly log?: LogSink;
  /** Where the same goes as well. It never makes anybody wait. */
  readonly forwarder?: Forwarder;
  readonly mark: ChunkMark;
  readonly readiness: Readiness;
}

/**
 * Moves a process's output from its FIFOs to its log and to the attached clients. Bytes leave a FIFO only when their
 * records are in the log; while these are being written nothing more is read, so that a process that writes faster than
 * its disk is slowed by its own full pipe, and nobody else is.
 */
export class Output {
  readonly #options: OutputOptions;
  readonly #streams: OutputStream[];
  readonly #subscribers = new Set<Subscriber>();
  /** Until `start`, output waits in the FIFOs. */
  #busy = true;
  #signalling = true;
  #rounds = 0;
  #lastBytes = 0;
  #complaint: string | undefined;
  #finished: (() => void) | undefined;
  #closed = false;
  #started = false;

  constructor(options: OutputOptions) {
    this.#options = options;
    this.#streams = options.streams.map((stream) => ({ ...stream, shownBytes: 0, leftBytes: 0, enlarged: false }));
  }

  add(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
    subscriber.onRelief = () => this.#pump();
  }

  remove(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    this.#pump();
  }

  /** Begins. Not before the runtime has succeeded: what it says when it fails is no output of the process. */
  start(): void {
    this.#busy = false;
    this.#started = true;
    for (const descriptor of this.#sources()) this.#options.readiness.watch(descriptor, 'read', () => this.#pump());
    this.#pump();
  }

  /**
   * Takes what the ended process has left in its FIFOs, up to its last unfinished line. Resolves when that is in the
   * log, or after ten seconds when the log cannot be written; it is tried further until `close`.
   */
  async finish(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#transfer();
    for (const stream of this.#streams) stream.leftBytes = readableBytes(stream.descriptor);
    this.#finished = resolve;
    this.#pump();
    const { promise: late, resolve: giveUp } = Promise.withResolvers<void>();
    const timer = setTimeout(giveUp, finishTimeoutMs);
    await Promise.race([promise.then(() => this.#options.log?.flush?.()), late]);
    clearTimeout(timer);
  }

  /** Ends all attached clients, after what was sent to them. */
  endSubscribers(): void {
    for (const subscriber of this.#subscribers) subscriber.end();
    this.#subscribers.clear();
  }

  /** Stops; the descriptors are the caller's to close. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#started) for (const descriptor of this.#sources()) this.#options.readiness.unwatch(descriptor);
    this.endSubscribers();
  }

  /** The descriptors that tell of new output. */
  #sources(): number[] {
    const { master, streams } = this.#options;
    return master === undefined ? streams.map((stream) => stream.descriptor) : [master];
  }

  /** What a terminal shows moves on to its FIFO. */
  #transfer(): void {
    const { master } = this.#options;
    const target = this.#streams[0];
    if (master === undefined || target === undefined) return;
    while ((movePipe(master, target.descriptor, transferBytes) ?? 0) > 0);
    // It may be full of few bytes, since each piece takes a page.
    if (!target.enlarged && !isWritable(target.descriptor)) this.#enlarge(target);
    // Nobody else writes to that FIFO, so at the end everything in it counts.
    for (const stream of this.#streams) stream.leftBytes = readableBytes(stream.descriptor);
  }

  #pump(): void {
    if (this.#closed || this.#isHeldUp()) return;
    // Also while the log is being written: a terminal itself holds only a few kilobytes.
    if (this.#started) this.#transfer();
    if (this.#busy) return;
    const moved = this.#options.log === undefined ? this.#show() : this.#record(this.#options.log);
    if (this.#busy || moved) return;
    this.#rounds = 0;
    if (this.#finished !== undefined) {
      if (this.#streams.every((stream) => stream.leftBytes <= 0)) this.#finished();
    } else if (!this.#signalling) {
      this.#setSignalling(true);
      // What came before the signals were on again is found now.
      this.#pump();
    }
  }

  /** Whether a slow client asks for a pause. The end of a process waits for nobody. */
  #isHeldUp(): boolean {
    if (this.#finished !== undefined) return false;
    for (const subscriber of this.#subscribers) if (subscriber.isSlow) return true;
    return false;
  }

  #broadcast(name: StreamName, bytes: Uint8Array): void {
    for (const subscriber of this.#subscribers) if (subscriber.wants(name)) subscriber.send(name, bytes);
  }

  /** Without a log: passes on what is there and comes back for more. True when there was something. */
  #show(): boolean {
    let total = 0;
    for (const stream of this.#streams) {
      const bytes = takeFifo(stream.descriptor);
      this.#broadcast(stream.name, bytes);
      stream.leftBytes -= bytes.length;
      this.#notice(stream, bytes.length);
      total += bytes.length;
    }
    if (total > 0) this.#goOn(total);
    return total > 0;
  }

  /** With a log: starts the next chunk on its way. True when it did. */
  #record(file: LogSink): boolean {
    if (!file.isOpen) {
      this.#run(file.open());
      return true;
    }
    const timeNs = nowNs();
    const consumed = { stdout: 0, stderr: 0 };
    let end = 0;
    for (const stream of this.#streams) {
      const bytes = peekFifo(stream.descriptor);
      this.#broadcast(stream.name, bytes.subarray(stream.shownBytes));
      stream.shownBytes = Math.max(stream.shownBytes, bytes.length);
      this.#notice(stream, bytes.length);
      const stamp = file.format.stamp(stream.name, timeNs);
      const { length, final } = this.#extent(stream, bytes);
      let formatted = formatRecords(file.format, bytes, length, stamp, recordBuffer, end, file.room, final);
      if (formatted.consumed === 0 && length > 0 && !isWritable(stream.descriptor)) {
        // Full, and no line in it: the rest of the line can only come when this part goes.
        const part = withoutCutCharacter(bytes, length);
        formatted = formatRecords(file.format, bytes, part, stamp, recordBuffer, end, file.room, true);
      }
      consumed[stream.name] = formatted.consumed;
      end = formatted.end;
    }
    if (end === 0) return false;
    if (end > file.room && file.size > 0) {
      this.#run(file.rotate());
      return true;
    }
    this.#quieten(consumed.stdout + consumed.stderr);
    this.#run(this.#write(file, Buffer.from(recordBuffer.subarray(0, end)), consumed));
    return true;
  }

  /** How much of what is at a FIFO's head is the process's, and whether it ends there. */
  #extent(stream: OutputStream, bytes: Uint8Array): { readonly length: number; readonly final: boolean } {
    const final = this.#finished !== undefined && bytes.length >= stream.leftBytes;
    return { length: final ? Math.max(stream.leftBytes, 0) : bytes.length, final };
  }

  async #write(file: LogSink, records: Buffer, consumed: Record<StreamName, number>): Promise<void> {
    const { mark } = this.#options;
    mark.set({
      logOffset: file.size,
      recordBytes: records.length,
      stdoutBytes: consumed.stdout,
      stderrBytes: consumed.stderr,
    });
    await file.append(records);
    if (this.#closed) return;
    for (const stream of this.#streams) {
      const count = consumed[stream.name];
      consumeFifo(stream.descriptor, count);
      stream.shownBytes = Math.max(stream.shownBytes - count, 0);
      stream.leftBytes -= count;
    }
    mark.clear();
    this.#options.forwarder?.push(records);
  }

  /** Awaits work on the log; what fails is tried again later, with all data still in the FIFOs. */
  #run(work: Promise<void>): void {
    this.#busy = true;
    work.then(
      () => {
        if (this.#complaint !== undefined) log('info', 'log can be written again', { path: this.#options.log?.path });
        this.#complaint = undefined;
        this.#later(this.#gathers() ? gatherMs : 0);
      },
      (error: unknown) => {
        const message = messageOf(error);
        const path = this.#options.log?.path;
        if (this.#complaint !== message) log('warn', 'cannot write log', { path, error: message });
        this.#complaint = message;
        this.#later(retryMs);
      },
    );
  }

  /** Whether many small writes follow each other, for which nobody waits. */
  #gathers(): boolean {
    const isWatched = this.#subscribers.size > 0 || this.#finished !== undefined;
    return !isWatched && !this.#signalling && this.#lastBytes < smallChunkBytes;
  }

  #later(delayMs: number): void {
    const goOn = (): void => {
      this.#busy = false;
      this.#pump();
    };
    if (delayMs === 0) goOn();
    else setTimeout(goOn, delayMs);
  }

  /** After output without a log: comes back soon, but lets others have their turn. */
  #goOn(bytes: number): void {
    this.#quieten(bytes);
    this.#busy = true;
    setImmediate(() => {
      this.#busy = false;
      this.#pump();
    });
  }

  /** Spares a busy process the signals: while it is busy it is looked at anyway. */
  #quieten(bytes: number): void {
    this.#lastBytes = bytes;
    this.#rounds++;
    // A terminal has to be emptied all the time.
    if (this.#options.master !== undefined) return;
    if (this.#signalling && (this.#rounds > 2 || bytes > hotBytes)) this.#setSignalling(false);
  }

  #setSignalling(on: boolean): void {
    this.#signalling = on;
    for (const descriptor of this.#sources()) setSignalling(descriptor, on);
  }

  #notice(stream: OutputStream, bytes: number): void {
    if (stream.enlarged || bytes < hotBytes) return;
    this.#enlarge(stream);
  }

  #enlarge(stream: OutputStream): void {
    stream.enlarged = true;
    setPipeSize(stream.descriptor, hotPipeBytes);
  }
}
