import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import { log } from '#std/log';
import { type Collection, type Records, treeSizeBytes } from '#store';
import { matchDirectories, type ShelfEntry, type ShelfRecord } from '../cache/shelf.ts';
import type { ExecMount } from '../graph/operation.ts';

/** One directory that steps keep things in from one build to the next. */
export interface CacheMountRecord extends ShelfRecord {
  /** What steps must ask for to get it. */
  readonly key: string;
}

/** As the cache lists it. */
export interface CacheMountUsage extends CacheMountRecord, ShelfEntry {}

/** How a new directory begins. */
export interface CacheMountStart {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** Names what it is filled with; undefined for nothing. */
  readonly contentKey?: string;
  /** Fills it. */
  readonly fill?: (directory: string) => Promise<void>;
}

export interface CacheMountRequest {
  readonly id: string;
  readonly sharing: NonNullable<ExecMount['cache']>['sharing'];
  readonly start: CacheMountStart;
  /** What people see of it in lists, when it is new. */
  readonly description: string;
}

/** Equal for requests of the same cache. */
export function cacheMountKey({ id, start }: CacheMountRequest): string {
  return JSON.stringify([id, start.uid, start.gid, start.mode, start.contentKey ?? '']);
}

/** A directory that is this step's until it is released. */
export interface HeldCacheMount {
  readonly directory: string;
  readonly release: () => void;
}

type Holders = { readonly isShared: boolean; count: number };

/**
 * Directories of `RUN --mount=type=cache`. `shared`: all use one; `private`: another one when it is in use; `locked`: one after
 * the other.
 */
export class CacheMounts {
  readonly #directory: string;
  readonly #records: Collection<CacheMountRecord>;
  readonly #holders = new Map<string, Holders>();
  /** Those that wait for a directory that is in use, by key. */
  readonly #waiting = new Map<string, Set<() => void>>();
  /** New ones that are being filled, by key. */
  readonly #making = new Map<string, Promise<CacheMountRecord>>();
  readonly #measuring = new Map<string, Promise<void>>();

  constructor({ records, dataRoot }: { records: Records; dataRoot: string }) {
    this.#directory = join(dataRoot, 'build', 'cache-mounts');
    this.#records = records.collection<CacheMountRecord>('build-cache-mounts');
  }

  /** The directory that a step asks for; waits for a locked one until `signal` says that nobody wants it any more. */
  async acquire(request: CacheMountRequest, signal: AbortSignal): Promise<HeldCacheMount> {
    const { sharing } = request;
    const key = cacheMountKey(request);
    for (;;) {
      if (signal.aborted) throw fail('cancelled', 'context canceled');
      const making = sharing === 'private' ? undefined : this.#making.get(key);
      if (making !== undefined) {
        await making.catch(() => undefined);
        continue;
      }
      const present = [...this.#records.all()].filter((record) => record.key === key);
      const joined = sharing === 'shared' && present.find((record) => this.#holders.get(record.id)?.isShared);
      const found = joined || present.find((record) => !this.#holders.has(record.id));
      if (found) return this.#hold(found, sharing === 'shared');
      if (sharing !== 'locked' || present.length === 0)
        return this.#hold(await this.#makeOnce(key, request), sharing === 'shared');
      await this.#freed(key, signal);
    }
  }

  /** All of them. */
  list(): CacheMountUsage[] {
    return [...this.#records.all()].map((record) => ({ ...record, isInUse: this.#holders.has(record.id) }));
  }

  /** Removes one that nobody uses; false when somebody does, or there is none. */
  async remove(id: string): Promise<boolean> {
    if (this.#holders.has(id) || this.#records.get(id) === undefined) return false;
    this.#records.delete(id);
    await rm(this.#pathOf(id), { recursive: true, force: true });
    return true;
  }

  /** Brings records and directories together, once at the start. */
  reconcile(): Promise<void> {
    return matchDirectories(this.#directory, this.#records);
  }

  /** When nothing is measured any more. */
  async settled(): Promise<void> {
    while (this.#measuring.size > 0) await Promise.all(this.#measuring.values());
  }

  #pathOf(id: string): string {
    return join(this.#directory, id);
  }

  #hold(record: CacheMountRecord, isShared: boolean): HeldCacheMount {
    const { id, usageCount } = record;
    const holders = this.#holders.get(id) ?? { isShared, count: 0 };
    holders.count += 1;
    this.#holders.set(id, holders);
    this.#records.put({ ...record, usageCount: usageCount + 1, lastUsedAt: new Date().toISOString() });
    let isHeld = true;
    return {
      directory: this.#pathOf(id),
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#release(record, holders);
      },
    };
  }

  #release({ id, key }: CacheMountRecord, holders: Holders): void {
    holders.count -= 1;
    if (holders.count > 0) return;
    this.#holders.delete(id);
    for (const wake of this.#waiting.get(key) ?? []) wake();
    this.#measure(id);
  }

  /** Nobody waits for its size: lists tell the last one that is known. */
  #measure(id: string): void {
    const path = this.#pathOf(id);
    const done = treeSizeBytes(path)
      .then((sizeBytes) => {
        const record = this.#records.get(id);
        if (record !== undefined && record.sizeBytes !== sizeBytes) this.#records.put({ ...record, sizeBytes });
      })
      .catch((error: unknown) => log('warn', 'a cache mount cannot be measured', { id, error: messageOf(error) }))
      .finally(() => this.#measuring.delete(id));
    this.#measuring.set(id, done);
  }

  async #makeOnce(key: string, request: CacheMountRequest): Promise<CacheMountRecord> {
    const making = this.#make(key, request);
    this.#making.set(key, making);
    try {
      return await making;
    } finally {
      if (this.#making.get(key) === making) this.#making.delete(key);
    }
  }

  /** The record comes last: what a killed engine has filled in part has none, and goes at the next start. */
  async #make(key: string, { start, description }: CacheMountRequest): Promise<CacheMountRecord> {
    const id = newId();
    const path = this.#pathOf(id);
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    mkdirSync(path, { mode: 0o700 });
    try {
      await start.fill?.(path);
      chownSync(path, start.uid, start.gid);
      chmodSync(path, start.mode);
    } catch (error) {
      await rm(path, { recursive: true, force: true });
      throw error;
    }
    const now = new Date().toISOString();
    const record = { id, key, description, sizeBytes: 0, createdAt: now, lastUsedAt: now, usageCount: 0 };
    this.#records.put(record);
    return record;
  }

  #freed(key: string, signal: AbortSignal): Promise<void> {
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting);
    return new Promise((resolve) => {
      const wake = (): void => {
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(key);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
