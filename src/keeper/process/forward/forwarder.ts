import { messageOf } from '#std/errors';
import { log } from '#std/log';
import { type LocalRecord, localRecordAt } from '../../local-log.ts';
import type { ForwardTarget } from '../../protocol.ts';
import { localFormat } from '../local-format.ts';
import { journalEntries } from './journal-entries.ts';
import { syslogMessages } from './syslog-messages.ts';
import { openTransport, type Transport } from './transport.ts';

const batchBytes = 64 * 1024;
const firstPauseMs = 100;
const longestPauseMs = 1000;
/** How long what is left of an ended process is still offered to its server. */
const lastChanceMs = 10_000;

/** Words one record for a server. */
export type Encode = (record: LocalRecord, bytes: Buffer) => Buffer;

/**
 * Passes a container's output on to a log server, at the server's own pace. Records wait in memory up to a bound, and beyond
 * it the newest are dropped: nobody ever waits for a server. A batch that broke off is sent again as a whole.
 */
export class Forwarder {
  readonly #target: ForwardTarget;
  readonly #encode: Encode;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #dropped = 0;
  #transport: Transport | undefined;
  #running = false;
  #pauseMs = 0;
  #complaint: string | undefined;
  #deadline = Number.POSITIVE_INFINITY;

  constructor(target: ForwardTarget) {
    this.#target = target;
    this.#encode = target.to.driver === 'syslog' ? syslogMessages(target.to) : journalEntries(target.to);
  }

  /** Takes the records of one chunk, as many as there is room for; they may not change any more. */
  push(records: Buffer): void {
    const fitting = localFormat.wholeRecords(records, this.#target.maxBufferBytes - this.#queuedBytes);
    if (fitting < records.length) {
      if (this.#dropped === 0) log('warn', 'a log server is too slow: lines are dropped', this.#name());
      this.#dropped += records.length - fitting;
    }
    if (fitting === 0) return;
    this.#queue.push(records.subarray(0, fitting));
    this.#queuedBytes += fitting;
    if (!this.#running) void this.#run();
  }

  /** The process has ended: what waits is offered a little longer. */
  close(): void {
    this.#deadline = performance.now() + lastChanceMs;
    if (!this.#running) this.#transport?.close();
  }

  #name(): { readonly server: string } {
    const { to } = this.#target;
    return { server: to.driver === 'syslog' ? `${to.transport}://${to.address}` : to.socket };
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let records = this.#queue[0]; records !== undefined; records = this.#queue[0]) {
      if (performance.now() > this.#deadline) break;
      if (!(await this.#send(records))) continue;
      this.#queue.shift();
      this.#queuedBytes -= records.length;
    }
    this.#running = false;
    if (this.#deadline !== Number.POSITIVE_INFINITY) {
      this.#queue.length = 0;
      this.#transport?.close();
    }
  }

  /** Sends the records of one chunk; false after a failure, and a pause. */
  async #send(records: Buffer): Promise<boolean> {
    try {
      this.#transport ??= await openTransport(this.#target.to);
      for (const batch of this.#batches(records)) await this.#transport.send(batch);
      this.#succeeded();
      return true;
    } catch (error) {
      this.#transport?.close();
      this.#transport = undefined;
      const message = messageOf(error);
      if (this.#complaint !== message)
        log('warn', 'a log server does not take lines', { ...this.#name(), error: message });
      this.#complaint = message;
      this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, firstPauseMs), longestPauseMs);
      await Bun.sleep(Math.min(this.#pauseMs, Math.max(this.#deadline - performance.now(), 0)));
      return false;
    }
  }

  #succeeded(): void {
    this.#pauseMs = 0;
    if (this.#complaint !== undefined || this.#dropped > 0)
      log('info', 'a log server takes lines again', { ...this.#name(), droppedBytes: this.#dropped });
    this.#complaint = undefined;
    this.#dropped = 0;
  }

  *#batches(records: Buffer): Generator<Buffer[]> {
    let batch: Buffer[] = [];
    let size = 0;
    for (let at = 0; ; ) {
      const record = localRecordAt(records, at);
      if (record === undefined) break;
      const message = this.#encode(record, records);
      batch.push(message);
      size += message.length;
      at = record.end;
      if (size < batchBytes) continue;
      yield batch;
      batch = [];
      size = 0;
    }
    if (batch.length > 0) yield batch;
  }
}
