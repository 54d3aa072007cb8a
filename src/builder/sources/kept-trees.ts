import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import { Lock } from '#std/lock';
import { log } from '#std/log';
import { type Collection, type Records, treeSizeBytes } from '#store';
import { matchDirectories, type Shelf, type ShelfEntry, type ShelfRecord } from '../cache/shelf.ts';
import type { CacheRecord } from '../types.ts';

/** Files that were fetched, kept for later builds. Nobody changes them. */
export interface KeptTree<Facts> extends ShelfRecord {
  /** Names what it is: asked for by it. */
  readonly key: string;
  readonly facts: Facts;
}

/** One of them, there until it is released. */
export interface HeldTree<Facts> {
  readonly directory: string;
  readonly tree: KeptTree<Facts>;
  release(): void;
}

/**
 * Directories by key, each made once and kept with a record. The record comes last: what a killed engine has made in part has none,
 * and goes at the next start.
 */
export class KeptTrees<Facts> implements Shelf {
  readonly #directory: string;
  readonly #records: Collection<KeptTree<Facts>>;
  readonly #holders = new Map<string, number>();
  readonly #locks = new Map<string, Lock>();

  constructor(
    readonly type: CacheRecord['type'],
    { records, directory, collection }: { records: Records; directory: string; collection: string },
  ) {
    this.#directory = directory;
    this.#records = records.collection<KeptTree<Facts>>(collection);
  }

  /** Does one thing after the other for a key. */
  async alone<T>(key: string, work: () => Promise<T>): Promise<T> {
    const lock = this.#locks.get(key) ?? new Lock();
    this.#locks.set(key, lock);
    try {
      return await lock.run(work);
    } finally {
      if (!lock.isHeld) this.#locks.delete(key);
    }
  }

  /** The one of that key, held; undefined when there is none. */
  hold(key: string): HeldTree<Facts> | undefined {
    for (const tree of this.#records.all()) if (tree.key === key) return this.#hold(tree);
    return undefined;
  }

  /** Makes one: `fill` is given a path that is not there yet. An older one of that key is no longer found. */
  async make(key: string, description: string, fill: (directory: string) => Promise<Facts>): Promise<HeldTree<Facts>> {
    const id = newId();
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    try {
      const facts = await fill(this.#pathOf(id));
      const sizeBytes = await treeSizeBytes(this.#pathOf(id));
      const now = new Date().toISOString();
      for (const older of [...this.#records.all()].filter((tree) => tree.key === key)) await this.#discard(older.id);
      const tree = { id, key, description, sizeBytes, createdAt: now, lastUsedAt: now, usageCount: 0, facts };
      return this.#hold(tree);
    } catch (error) {
      await rm(this.#pathOf(id), { recursive: true, force: true });
      throw error;
    }
  }

  *list(): Iterable<ShelfEntry> {
    for (const tree of this.#records.all()) yield { ...tree, isInUse: this.#holders.has(tree.id) };
  }

  async remove(id: string): Promise<boolean> {
    if (this.#holders.has(id) || this.#records.get(id) === undefined) return false;
    await this.#discard(id);
    return true;
  }

  /** Brings records and directories together, once at the start. */
  reconcile(): Promise<void> {
    return matchDirectories(this.#directory, this.#records);
  }

  #pathOf(id: string): string {
    return join(this.#directory, id);
  }

  /** One that is held keeps its files until it is let go. */
  async #discard(id: string): Promise<void> {
    this.#records.delete(id);
    if (!this.#holders.has(id)) await rm(this.#pathOf(id), { recursive: true, force: true });
  }

  #hold(tree: KeptTree<Facts>): HeldTree<Facts> {
    const { id } = tree;
    this.#holders.set(id, (this.#holders.get(id) ?? 0) + 1);
    const used = { ...tree, usageCount: tree.usageCount + 1, lastUsedAt: new Date().toISOString() };
    this.#records.put(used);
    let isHeld = true;
    return {
      directory: this.#pathOf(id),
      tree: used,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        const left = (this.#holders.get(id) ?? 0) - 1;
        if (left > 0) this.#holders.set(id, left);
        else this.#holders.delete(id);
        if (left > 0 || this.#records.get(id) !== undefined) return;
        // What stays now goes at the next start.
        this.#discard(id).catch((error: unknown) => {
          log('warn', 'files of a build are not all removed', { id, error: messageOf(error) });
        });
      },
    };
  }
}
