import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileReceivers, IndexedFiles, keptNames, type PacketStream, type ReceiveResult } from '#filesync';
import { spreadDirectories } from '#linux/directory-spread';
import { messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import { log } from '#std/log';
import { type Collection, decompress, detectCompression, type Records } from '#store';
import type { LocalDirectory, LocalRequest, OnTransfer } from '../session/session.ts';

/** What is remembered of a directory that is kept for a client's next build. */
export interface LocalRecord {
  readonly id: string;
  /** Whose it is: what the client shares between its builds, the directory's name and what of it is asked for. */
  readonly key: string;
  /** `context`, `dockerfile`. */
  readonly name: string;
  readonly sizeBytes: number;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly lastUsedAt: string;
  readonly usageCount: number;
}

interface TransferOptions {
  readonly onTransfer?: OnTransfer;
  readonly signal: AbortSignal;
}

/**
 * Directories of clients: kept from one build to the next, so that only what changed is sent, and one build's alone while it lasts.
 * Of two builds of a client at once the second has a directory of its own.
 */
export interface LocalDirectories {
  /**
   * Brings the directory to what the client has. `sharedKey` names what is kept for later builds; without one nothing is.
   */
  receive(
    sharedKey: string,
    request: LocalRequest,
    stream: PacketStream,
    options: TransferOptions,
  ): Promise<LocalDirectory>;
  /** A directory made of a tar, compressed or not; it goes when it is released. All in it is root's. */
  unpack(tar: AsyncIterable<Uint8Array>, options: TransferOptions): Promise<LocalDirectory>;
  /** What is kept. */
  all(): Iterable<LocalRecord & { readonly isInUse: boolean }>;
  /** Removes one that nobody uses; false when somebody does, or when there is none. */
  remove(id: string): Promise<boolean>;
  /** Removes what belongs to no record; once at the start. */
  reconcile(): Promise<void>;
  close(): void;
}

export interface LocalDirectoriesParts {
  readonly records: Records;
  readonly dataRoot: string;
  readonly receivers: FileReceivers;
}

function now(): string {
  return new Date().toISOString();
}

function keyOf(sharedKey: string, { name, includePatterns, sharedKeyHint = '', differ }: LocalRequest): string {
  // What is always sent anew, a .dockerignore, must not take the place of what is there to be compared.
  const text = JSON.stringify([sharedKey, name, sharedKeyHint, includePatterns, differ]);
  return new Bun.CryptoHasher('sha256').update(text).digest('hex');
}

class KeptDirectories implements LocalDirectories {
  readonly #root: string;
  readonly #receivers: FileReceivers;
  readonly #records: Collection<LocalRecord>;
  /** Of kept directories and of those that go when they are released. */
  readonly #inUse = new Set<string>();

  constructor({ records, dataRoot, receivers }: LocalDirectoriesParts) {
    this.#root = join(dataRoot, 'build/local');
    this.#receivers = receivers;
    this.#records = records.collection<LocalRecord>('build-local');
  }

  async receive(sharedKey: string, request: LocalRequest, stream: PacketStream, options: TransferOptions) {
    const key = sharedKey === '' ? undefined : keyOf(sharedKey, request);
    const before = key === undefined ? undefined : this.#findFree(key);
    const id = before?.id ?? newId();
    const job = { directory: this.#claim(id), differ: request.differ };
    // Also what breaks off, or is killed, is taken up by the client's next build.
    if (key !== undefined && before === undefined) this.#note(id, key, request.name, undefined, { sizeBytes: 0 });
    try {
      const result = await this.#receivers.receive(job, stream, options);
      if (key !== undefined) this.#note(id, key, request.name, before, result);
      return this.#lend(id, result, key !== undefined);
    } catch (error) {
      const isBegun = key !== undefined && existsSync(join(job.directory, keptNames.mark));
      if (before === undefined && !isBegun) {
        if (key !== undefined) this.#records.delete(id);
        await this.#discard(id);
      }
      this.#inUse.delete(id);
      throw error;
    }
  }

  async unpack(tar: AsyncIterable<Uint8Array>, options: TransferOptions): Promise<LocalDirectory> {
    const id = newId();
    const directory = this.#claim(id);
    try {
      const { compression, source } = await detectCompression(tar);
      const result = await this.#receivers.unpack(directory, decompress(source, compression), options);
      return this.#lend(id, result, false);
    } catch (error) {
      await this.#discard(id);
      this.#inUse.delete(id);
      throw error;
    }
  }

  *all() {
    for (const record of this.#records.all()) yield { ...record, isInUse: this.#inUse.has(record.id) };
  }

  async remove(id: string): Promise<boolean> {
    if (this.#inUse.has(id) || this.#records.get(id) === undefined) return false;
    this.#records.delete(id);
    await this.#discard(id);
    return true;
  }

  async reconcile(): Promise<void> {
    const names = existsSync(this.#root) ? readdirSync(this.#root) : [];
    const strays = names.filter((name) => this.#records.get(name) === undefined && !this.#inUse.has(name));
    for (const { id } of [...this.#records.all()]) if (!names.includes(id)) this.#records.delete(id);
    for (const name of strays) await rm(join(this.#root, name), { recursive: true, force: true });
  }

  close(): void {
    this.#receivers.close();
  }

  /** The one that was used last, of those that nobody uses. */
  #findFree(key: string): LocalRecord | undefined {
    return [...this.#records.all()]
      .filter((record) => record.key === key && !this.#inUse.has(record.id))
      .sort((one, other) => (one.lastUsedAt < other.lastUsedAt ? 1 : -1))[0];
  }

  #claim(id: string): string {
    this.#inUse.add(id);
    if (!existsSync(this.#root)) {
      mkdirSync(this.#root, { recursive: true, mode: 0o700 });
      spreadDirectories(this.#root);
    }
    const directory = join(this.#root, id);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return directory;
  }

  #note(
    id: string,
    key: string,
    name: string,
    before: LocalRecord | undefined,
    { sizeBytes }: Pick<ReceiveResult, 'sizeBytes'>,
  ): void {
    const usageCount = (before?.usageCount ?? 0) + 1;
    this.#records.put({
      id,
      key,
      name,
      sizeBytes,
      createdAt: before?.createdAt ?? now(),
      lastUsedAt: now(),
      usageCount,
    });
  }

  #lend(id: string, { treeDigest }: ReceiveResult, isKept: boolean): LocalDirectory {
    const directory = join(this.#root, id);
    let isReleased = false;
    return {
      path: join(directory, keptNames.files),
      digest: treeDigest,
      index: new IndexedFiles(join(directory, keptNames.index), treeDigest),
      release: () => {
        if (isReleased) return;
        isReleased = true;
        if (isKept) this.#inUse.delete(id);
        else void this.#discard(id).finally(() => this.#inUse.delete(id));
      },
    };
  }

  /** Out of its place at once, so that what is half removed is never taken for a directory. */
  async #discard(id: string): Promise<void> {
    const removed = join(this.#root, `${id}-removed`);
    try {
      renameSync(join(this.#root, id), removed);
      await rm(removed, { recursive: true, force: true });
    } catch (error) {
      log('warn', 'a local directory of a build is not removed', { id, error: messageOf(error) });
    }
  }
}

/** Opens the local directories of an engine; nothing is made before a build needs it. */
export function openLocalDirectories(parts: LocalDirectoriesParts): LocalDirectories {
  return new KeptDirectories(parts);
}
