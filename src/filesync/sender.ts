import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { hasCode } from '#linux/errno';
import { type FileStat, fileTypes, inodeOf, readFlags } from '#linux/file-tree';
import { fail } from '#std/errors';
import { followLinks } from './follow-links.ts';
import { decodePacket, encodePacket, encodeStat, packetTypes, type TransferStat } from './packet.ts';
import type { PacketStream } from './packet-stream.ts';
import { Selection, type SelectionState } from './selection.ts';
import { transferStatOf, type WalkedFile, walkTree } from './walk.ts';

/** What one packet carries of a file: well below what gRPC's receivers take by default. */
const pieceBytes = 256 * 1024;
/** So many files are read at once. */
const readersLimit = 4;
/** So long the walk goes on before others may use the thread. */
const turnMs = 5;

export interface SendOptions {
  readonly directory: string;
  readonly includePatterns: readonly string[];
  readonly excludePatterns: readonly string[];
  /** Paths that are wanted with all that their symlinks lead to. */
  readonly followPaths: readonly string[];
  /** All belongs to root: what the files of a build context do, whoever has them. */
  readonly resetsOwner: boolean;
  /** The directory that all is put into there; it has mode 0755. */
  readonly below?: string;
  /** The time that all has. */
  readonly modifiedNs?: bigint;
  /** Hears of the bytes that were sent, in all, as BuildKit counts them: of all packets. */
  readonly onTransfer?: (bytes: number) => void;
  readonly signal: AbortSignal;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** It is sent as an empty file, as Docker does. */
function isSocket({ mode }: FileStat): boolean {
  return (mode & fileTypes.mask) === fileTypes.socket;
}

/** Undefined for what has gone since it was seen, and for a socket. */
function openPresent(place: Buffer): number | undefined {
  try {
    return openSync(place, readFlags);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENXIO')) return undefined;
    throw error;
  }
}

/** The sending side of fsutil's file transfer. */
class Sender {
  readonly #options: SendOptions;
  readonly #stream: PacketStream;
  /** Paths of files that may be asked for, by id. */
  readonly #paths = new Map<number, string>();
  readonly #links = new Map<string, string>();
  readonly #requested: number[] = [];
  readonly #small = Buffer.allocUnsafe(pieceBytes);
  #nextId = 0;
  #readers = 0;
  #sentBytes = 0;
  #failure: { readonly error: unknown } | undefined;
  readonly #failed = Promise.withResolvers<never>();
  #turnBeganMs = 0;

  constructor(options: SendOptions, stream: PacketStream) {
    this.#options = options;
    this.#stream = stream;
    this.#failed.promise.catch(() => undefined);
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const abort = (): void => this.#fail(fail('cancelled', 'the transfer was cancelled', signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    this.#walk().catch((error: unknown) => this.#fail(error));
    try {
      await Promise.race([this.#answer(), this.#failed.promise]);
    } catch (error) {
      const data = Buffer.from(error instanceof Error ? error.message : String(error));
      await Promise.resolve(this.#stream.send(encodePacket({ type: packetTypes.error, data }))).catch(() => undefined);
      throw error;
    } finally {
      this.#failure ??= { error: fail('cancelled', 'the transfer is over') };
      signal.removeEventListener('abort', abort);
      this.#stream.end();
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#failed.reject(error);
  }

  async #answer(): Promise<void> {
    for await (const bytes of this.#stream.packets) {
      const packet = decodePacket(bytes);
      if (packet.type === packetTypes.request) this.#request(packet.id);
      else if (packet.type === packetTypes.end) {
        this.#options.onTransfer?.(this.#sentBytes);
        await this.#stream.send(encodePacket({ type: packetTypes.end }));
        return;
      } else if (packet.type === packetTypes.error) {
        throw fail('unavailable', `error from receiver: ${Buffer.from(packet.data).toString()}`);
      } else throw fail('invalid-argument', `malformed file transfer: a packet of type ${packet.type}`);
    }
    throw fail('unavailable', 'the receiver of files is gone');
  }

  #request(id: number): void {
    if (!this.#paths.has(id)) throw fail('invalid-argument', `invalid file id ${id}`);
    this.#requested.push(id);
    if (this.#readers >= readersLimit) return;
    this.#readers++;
    this.#read()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#readers--);
  }

  async #read(): Promise<void> {
    for (let id = this.#requested.shift(); id !== undefined; id = this.#requested.shift()) {
      if (this.#failure !== undefined) return;
      const path = this.#paths.get(id);
      if (path === undefined) continue;
      this.#paths.delete(id);
      const place = Buffer.from(`${this.#options.directory}/${path}`, 'latin1');
      if (!(await this.#sendSmall(id, place))) await this.#sendLarge(id, place);
      await this.#send({ type: packetTypes.data, id });
    }
  }

  /** What fits into one piece needs no other thread; false when it does not. */
  async #sendSmall(id: number, place: Buffer): Promise<boolean> {
    const descriptor = openPresent(place);
    if (descriptor === undefined) return true;
    let count: number;
    try {
      count = readSync(descriptor, this.#small, 0, pieceBytes, 0);
    } finally {
      closeSync(descriptor);
    }
    if (count === pieceBytes) return false;
    if (count > 0) await this.#sendData(id, this.#small.subarray(0, count));
    return true;
  }

  async #sendLarge(id: number, place: Buffer): Promise<void> {
    const file = await open(place, readFlags);
    const memory = Buffer.allocUnsafe(pieceBytes);
    try {
      for (;;) {
        const { bytesRead } = await file.read(memory, 0, pieceBytes, null);
        if (bytesRead === 0) return;
        await this.#sendData(id, memory.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  }

  async #sendData(id: number, data: Uint8Array): Promise<void> {
    // The packet is a copy: the memory may be used again at once.
    await this.#send({ type: packetTypes.data, id, data });
    this.#options.onTransfer?.(this.#sentBytes);
  }

  async #send(packet: Parameters<typeof encodePacket>[0]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const bytes = encodePacket(packet);
    this.#sentBytes += bytes.length;
    await this.#stream.send(bytes);
    if (performance.now() - this.#turnBeganMs < turnMs) return;
    await nextTurn();
    this.#turnBeganMs = performance.now();
  }

  async #walk(): Promise<void> {
    const selection = new Selection(this.#patterns());
    const states = new Map<string, SelectionState>();
    /** Directories that are only sent when something in them is. */
    let pending: { readonly path: string; readonly stat: Uint8Array }[] = [];
    const isDirectory = ({ file }: WalkedFile): boolean => (file.mode & fileTypes.mask) === fileTypes.directory;
    const enters = ({ path }: WalkedFile): boolean => {
      const state = states.get(path);
      return state !== undefined && selection.mayHold(path, state);
    };
    if (this.#options.below !== undefined) await this.#sendStat(encodeStat(this.#belowStat(this.#options.below)));
    for (const file of walkTree(this.#options.directory, enters)) {
      const slash = file.path.lastIndexOf('/');
      const state = selection.look(file.path, slash === -1 ? undefined : states.get(file.path.slice(0, slash)));
      if (isDirectory(file)) states.set(file.path, state);
      pending = pending.filter(({ path }) => file.path.startsWith(`${path}/`));
      if (!state.isIncluded) {
        if (isDirectory(file) && enters(file)) pending.push({ path: file.path, stat: this.#statOf(file) });
        else if (performance.now() - this.#turnBeganMs >= turnMs) await this.#pause();
        continue;
      }
      for (const { stat } of pending) await this.#sendStat(stat);
      pending = [];
      const stat = this.#statOf(file);
      const type = file.file.mode & fileTypes.mask;
      if (type === fileTypes.file || type === fileTypes.socket) this.#paths.set(this.#nextId, file.path);
      await this.#sendStat(stat);
    }
    await this.#send({ type: packetTypes.stat });
  }

  async #pause(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    await nextTurn();
    this.#turnBeganMs = performance.now();
  }

  #patterns() {
    const { directory, includePatterns, excludePatterns, followPaths } = this.#options;
    if (followPaths.length === 0) return { includePatterns, excludePatterns };
    const followed = followLinks(directory, followPaths);
    return {
      includePatterns: followed === undefined ? includePatterns : [...includePatterns, ...followed],
      excludePatterns,
    };
  }

  async #sendStat(stat: Uint8Array): Promise<void> {
    this.#nextId++;
    await this.#send({ type: packetTypes.stat, stat });
  }

  #belowStat(path: string): TransferStat {
    const nothing = { uid: 0, gid: 0, sizeBytes: 0, linkName: '', deviceMajor: 0, deviceMinor: 0, xattrs: new Map() };
    const { modifiedNs = BigInt(Date.now()) * 1_000_000n } = this.#options;
    return { ...nothing, path, mode: fileTypes.directory | 0o755, modifiedNs };
  }

  #statOf(walked: WalkedFile): Uint8Array {
    const { file, path } = walked;
    const { resetsOwner, below, modifiedNs } = this.#options;
    const prefix = below === undefined ? '' : `${below}/`;
    const stat = {
      ...transferStatOf(walked),
      ...(isSocket(file) && { mode: fileTypes.file | (file.mode & 0o7777), sizeBytes: 0 }),
      ...(resetsOwner && { uid: 0, gid: 0 }),
      ...(modifiedNs !== undefined && { modifiedNs }),
      ...(below !== undefined && { path: prefix + path }),
    };
    if (file.links < 2 || (file.mode & fileTypes.mask) !== fileTypes.file) return encodeStat(stat);
    const inode = inodeOf(file);
    const linkName = this.#links.get(inode);
    if (linkName === undefined) this.#links.set(inode, prefix + path);
    return encodeStat(linkName === undefined ? stat : { ...stat, linkName, sizeBytes: 0 });
  }
}

/**
 * Sends a directory's contents; the receiver asks for what it lacks. Resolves when it has all. Throws `unavailable` when it is gone
 * or failed, `cancelled`.
 */
export async function sendDirectory(options: SendOptions, stream: PacketStream): Promise<void> {
  await new Sender(options, stream).run();
}
