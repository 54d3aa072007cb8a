import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Collection } from '#store';
import type { CacheRecord } from '../types.ts';

/** Something that is kept for later builds and is no result: a client's directory, a cache mount, a repository. */
export interface ShelfRecord {
  readonly id: string;
  readonly description: string;
  readonly sizeBytes: number;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly lastUsedAt: string;
  readonly usageCount: number;
}

/** As the cache lists it. */
export interface ShelfEntry extends ShelfRecord {
  readonly isInUse: boolean;
}

/** One place where such things are kept. */
export interface Shelf {
  readonly type: CacheRecord['type'];
  list(): Iterable<ShelfEntry>;
  /** Removes one that nobody uses; false when somebody does, or when there is none. */
  remove(id: string): Promise<boolean>;
}

/** Brings records and the directories that they name together: what has no other half goes. For the start, before anything is held. */
export async function matchDirectories(
  directory: string,
  records: Pick<Collection<ShelfRecord>, 'all' | 'get' | 'delete'>,
): Promise<void> {
  const present = existsSync(directory) ? readdirSync(directory) : [];
  for (const { id } of [...records.all()]) if (!present.includes(id)) records.delete(id);
  for (const name of present) {
    if (records.get(name) === undefined) await rm(join(directory, name), { recursive: true, force: true });
  }
}
