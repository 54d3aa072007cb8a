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
