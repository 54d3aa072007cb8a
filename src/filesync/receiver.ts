import type { ConfinedDirectory } from '#linux/confined-directory';
import { isRefusedFile } from '#linux/errno';
import { fileTypes } from '#linux/file-tree';
import { fail } from '#std/errors';
import { findRecord, type IndexRecord } from './directory-index.ts';
import { IncomingFiles } from './incoming-files.ts';
import { comparePaths, OrderGuard } from './order.ts';
import { decodePacket, decodeStat, packetTypes, pathOfStat, type TransferStat } from './packet.ts';
import { attributesOf, type FileOwner, isDirectory, isSame, typeOf } from './stat-facts.ts';

/** What a client may have us remember of its files: some millions of them. */
const indexLimitBytes = 512 * 1024 * 1024;
const statLimitBytes = 1024 * 1024;

/** What a transfer came to. */
export interface ReceivedFiles {
  readonly records: readonly IndexRecord[];
  /** Whether anything is otherwise than it was. */
  readonly isChanged: boolean;
  /** Of all regular files. */
  readonly sizeBytes: number;
  readonly receivedBytes: number;
  readonly requestedFiles: number;
}

export interface ReceiverOptions {
  readonly tree: ConfinedDirectory;
  /** What is there: files as the other side sent them the last time. */
  readonly present: readonly IndexRecord[];
  /** `none`: every file is asked for. */
  readonly differ: 'metadata' | 'none';
  /** Whose all files become; what the sender says when it is missing. Of attributes only the user's are kept then. */
  readonly owner?: FileOwner;
  /** Sends a packet to the other side. */
  readonly send: (packet: Uint8Array) => void;
  /** Called once, before the first change of the directory. */
  readonly onChange: () => void;
}

/**
 * The receiving side of fsutil's file transfer: given packets, it brings a directory to what the sender has. Stats come in the order
 * of a walk, as does what is there, so the two are compared as they come. No file that is there is written to: it may be a
 * part of layers by now, and a changed one is a new one.
 */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #guard = new OrderGuard();
  readonly #records: IndexRecord[] = [];
  readonly #incoming: IncomingFiles;
  /** Directories whose time has to be set once all is in them. */
  readonly #touched = new Set<string>();
  /** Regular files that are new: links of them are made anew. */
  readonly #renewed = new Set<string>();
  readonly #links: TransferStat[] = [];
  #nextPresent = 0;
  #nextId = 0;
  #statBytes = 0;
  #isWalked = false;
  #isFinished = false;
  #isChanged = false;
  #removedBelow = '';

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#incoming = new IncomingFiles(options);
  }

  /** All has come, and the directory is what the sender has. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Takes a packet; its memory may be used again afterwards. Throws `invalid-argument` for one that may not be. */
  accept(bytes: Uint8Array): void {
    try {
      this.#accept(bytes);
    } catch (error) {
      // What it is asked to make is the sender's fault.
      if (!isRefusedFile(error)) throw error;
      throw fail('invalid-argument', `file transfer: ${(error as Error).message}`, error);
    }
  }

  get receivedBytes(): number {
    return this.#incoming.receivedBytes;
  }

  /** What is there now; to be called when it is finished. */
  result(): ReceivedFiles {
    const sizeBytes = this.#records.reduce(
      (sum, { stat, digest }) => sum + (digest === undefined ? 0 : decodeStat(stat).sizeBytes),
      0,
    );
    return {
      ...{ records: this.#records, isChanged: this.#isChanged, sizeBytes, receivedBytes: this.receivedBytes },
      requestedFiles: this.#incoming.requestedFiles,
    };
  }

  /** Lets go of what is open. */
  abandon(): void {
    this.#incoming.abandon();
  }

  #accept(bytes: Uint8Array): void {
    const packet = decodePacket(bytes);
    if (packet.type === packetTypes.stat) {
      if (this.#isWalked) throw fail('invalid-argument', 'malformed file transfer: a file after the last one');
      if (packet.stat === undefined) this.#endWalk();
      else this.#acceptStat(packet.stat);
    } else if (packet.type === packetTypes.data) this.#incoming.accept(packet.id, packet.data);
    else if (packet.type === packetTypes.error) {
      throw fail('unavailable', `error from sender: ${Buffer.from(packet.data).toString()}`);
    } else if (packet.type !== packetTypes.end || !this.#isFinished) {
      throw fail('invalid-argument', `malformed file transfer: a packet of type ${packet.type}`);
    }
    if (this.#isWalked && !this.#isFinished && this.#incoming.isEmpty) this.#finish();
  }

  #acceptStat(view: Uint8Array): void {
    this.#statBytes += view.length + 64;
    if (view.length > statLimitBytes || this.#statBytes > indexLimitBytes) {
      throw fail('exhausted', 'file transfer: too many files, or names that are too long');
    }
    const id = this.#nextId++;
    const path = pathOfStat(view);
    this.#guard.accept(path);
    const present = this.#presentAt(path);
    if (present !== undefined && this.#isUntouched(view, present)) {
      if (this.#isDirectoryStat(present)) this.#guard.noteDirectory();
      this.#records.push(present);
      return;
    }
    const stat = decodeStat(Uint8Array.from(view));
    const before = present === undefined ? undefined : decodeStat(present.stat);
    if (isDirectory(stat)) this.#guard.noteDirectory();
    this.#acceptChange(id, stat, before, Uint8Array.from(view), present);
  }

  #isUntouched(view: Uint8Array, present: IndexRecord): boolean {
    if (present.isDoubtful || Buffer.compare(view, present.stat) !== 0) return false;
    if (present.isHardLink) return this.#options.differ === 'metadata' && !this.#renewed.has(decodeStat(view).linkName);
    return this.#options.differ === 'metadata' || present.digest === undefined;
  }

  #isDirectoryStat({ stat, digest, isHardLink }: IndexRecord): boolean {
    return digest === undefined && !isHardLink && isDirectory(decodeStat(stat));
  }

  #acceptChange(
    id: number,
    stat: TransferStat,
    before: TransferStat | undefined,
    view: Uint8Array,
    present: IndexRecord | undefined,
  ): void {
    const isFile = typeOf(stat) === fileTypes.file;
    const isHardLink = isFile && stat.linkName !== '';
    const isAlike = before !== undefined && isSame(before, stat);
    // It says the same in other words.
    if (isAlike && present !== undefined && this.#isUntouched(present.stat, present)) {
      this.#records.push(present);
      return;
    }
    const record: IndexRecord = { stat: view, isHardLink };
    this.#records.push(record);
    if (isDirectory(stat)) {
      this.#takeDirectory(stat, before);
      return;
    }
    this.#change();
    if (before !== undefined && isDirectory(before)) this.#remove(stat.path);
    this.#touchParent(stat.path);
    if (isHardLink) this.#takeHardLink(stat);
    else if (isFile) {
      this.#renewed.add(stat.path);
      this.#incoming.request({ id, record }, stat);
    } else this.#makeSpecial(stat);
  }

  #takeDirectory(stat: TransferStat, before: TransferStat | undefined): void {
    this.#change();
    const { tree } = this.#options;
    if (before === undefined || !isDirectory(before)) {
      tree.makeDirectory(stat.path);
      this.#touchParent(stat.path);
    }
    tree.setAttributes(stat.path, attributesOf(stat, this.#options.owner));
    this.#touched.add(stat.path);
  }

  #takeHardLink(stat: TransferStat): void {
    const { record } = findRecord(this.#records, stat.linkName);
    if (record === undefined || record.isHardLink || typeOf(decodeStat(record.stat)) !== fileTypes.file) {
      throw fail('invalid-argument', `invalid link ${JSON.stringify(stat.path)} to ${JSON.stringify(stat.linkName)}`);
    }
    this.#links.push(stat);
  }

  #makeSpecial(stat: TransferStat): void {
    const { tree } = this.#options;
    const type = typeOf(stat);
    if (type === fileTypes.symlink) tree.makeSymbolicLink(stat.path, stat.linkName);
    else if (type === fileTypes.fifo) tree.makeNode(stat.path, 'fifo');
    else if (type === fileTypes.character || type === fileTypes.block) {
      const kind = type === fileTypes.character ? 'character' : 'block';
      tree.makeNode(stat.path, kind, stat.deviceMajor, stat.deviceMinor);
    } else throw fail('invalid-argument', `file transfer: ${JSON.stringify(stat.path)} is of no known type`);
    tree.setAttributes(stat.path, attributesOf(stat, this.#options.owner), type === fileTypes.symlink);
  }

  #endWalk(): void {
    this.#isWalked = true;
    for (let record = this.#options.present[this.#nextPresent]; record !== undefined; ) {
      this.#removePresent(pathOfStat(record.stat));
      record = this.#options.present[++this.#nextPresent];
    }
  }

  #finish(): void {
    const { tree } = this.#options;
    for (const { path, linkName } of this.#links) {
      tree.remove(path);
      tree.makeHardLink(path, linkName);
    }
    // From below upwards it need not be: setting a time changes no time above.
    for (const path of this.#touched) {
      const { record } = findRecord(this.#records, path);
      if (record !== undefined) tree.setTime(path, attributesOf(decodeStat(record.stat), this.#options.owner));
    }
    this.#isFinished = true;
  }

  /** What is there of that path; what would have come before it in the walk has gone. */
  #presentAt(path: string): IndexRecord | undefined {
    for (;;) {
      const record = this.#options.present[this.#nextPresent];
      if (record === undefined) return undefined;
      const presentPath = pathOfStat(record.stat);
      const order = comparePaths(presentPath, path);
      if (order > 0) return undefined;
      this.#nextPresent++;
      if (order === 0) return record;
      this.#removePresent(presentPath);
    }
  }

  #removePresent(path: string): void {
    if (this.#removedBelow !== '' && path.startsWith(this.#removedBelow)) return;
    this.#change();
    this.#remove(path);
    this.#touchParent(path);
  }

  #remove(path: string): void {
    this.#options.tree.remove(path);
    this.#removedBelow = `${path}/`;
  }

  #touchParent(path: string): void {
    const slash = path.lastIndexOf('/');
    if (slash > 0) this.#touched.add(path.slice(0, slash));
  }

  #change(): void {
    if (!this.#isChanged) this.#options.onChange();
    this.#isChanged = true;
  }
}
