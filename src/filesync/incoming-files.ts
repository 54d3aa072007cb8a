import { closeSync, writeSync } from 'node:fs';
import type { ConfinedDirectory } from '#linux/confined-directory';
import { fail } from '#std/errors';
import type { IndexRecord } from './directory-index.ts';
import { decodeStat, encodePacket, packetTypes, type TransferStat } from './packet.ts';
import { attributesOf, type FileOwner } from './stat-facts.ts';

/** So many files are asked for at once, and may be open. */
const requestsAtOnce = 2048;

interface Incoming {
  readonly record: IndexRecord;
  readonly stat: TransferStat;
  readonly hash: Bun.CryptoHasher;
  descriptor: number | undefined;
  sizeBytes: number;
}

/** A file that is yet to be asked for. */
interface Wanted {
  readonly id: number;
  readonly record: IndexRecord;
}

interface IncomingOptions {
  readonly tree: ConfinedDirectory;
  readonly owner?: FileOwner;
  readonly send: (packet: Uint8Array) => void;
}

/** Files that are asked for and come, piece by piece, several at once. Their records learn the digests. */
export class IncomingFiles {
  readonly #options: IncomingOptions;
  readonly #incoming = new Map<number, Incoming>();
  #waiting: Wanted[] = [];
  #nextWaiting = 0;
  requestedFiles = 0;
  receivedBytes = 0;

  constructor(options: IncomingOptions) {
    this.#options = options;
  }

  /** All that was asked for is there. */
  get isEmpty(): boolean {
    return this.#incoming.size === 0;
  }

  /** Lets go of what is open. */
  abandon(): void {
    for (const { descriptor } of this.#incoming.values()) if (descriptor !== undefined) closeSync(descriptor);
    this.#incoming.clear();
  }

  /** Asks for a file, as soon as there is room. */
  request(wanted: Wanted, stat: TransferStat): void {
    this.requestedFiles++;
    if (this.#incoming.size >= requestsAtOnce) this.#waiting.push(wanted);
    else this.#ask(wanted, stat);
  }

  #ask({ id, record }: Wanted, stat: TransferStat): void {
    const hash = new Bun.CryptoHasher('sha256');
    this.#incoming.set(id, { record, stat, hash, descriptor: undefined, sizeBytes: 0 });
    this.#options.send(encodePacket({ type: packetTypes.request, id }));
  }

  #askNext(): void {
    const next = this.#waiting[this.#nextWaiting++];
    if (next !== undefined) {
      this.#ask(next, decodeStat(next.record.stat));
      return;
    }
    this.#waiting = [];
    this.#nextWaiting = 0;
  }

  /** A piece of a file; an empty one is its end. */
  accept(id: number, data: Uint8Array): void {
    const incoming = this.#incoming.get(id);
    if (incoming === undefined) throw fail('invalid-argument', `invalid file request ${id}`);
    const { stat, record, hash } = incoming;
    incoming.descriptor ??= this.#options.tree.createFile(stat.path, stat.mode);
    if (data.length > 0) {
      hash.update(data);
      for (let written = 0; written < data.length; )
        written += writeSync(incoming.descriptor, data, written, data.length - written);
      incoming.sizeBytes += data.length;
      this.receivedBytes += data.length;
      return;
    }
    this.#options.tree.setFileAttributes(incoming.descriptor, stat.path, attributesOf(stat, this.#options.owner));
    closeSync(incoming.descriptor);
    this.#incoming.delete(id);
    record.digest = hash.digest();
    if (incoming.sizeBytes !== stat.sizeBytes) record.isDoubtful = true;
    this.#askNext();
  }
}
