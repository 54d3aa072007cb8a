import type { Collection, Records } from '#store';

/** One output of a vertex that was worked out. */
export interface StoredOutput {
  /** Names its contents: keys of what uses it are made of this. */
  readonly key: string;
  /** Chain ids, from the base up. */
  readonly chain: readonly string[];
}

/** A result that is known: `id` is the key of the vertex. */
export interface BuildRecord {
  readonly id: string;
  readonly outputs: readonly StoredOutput[];
  /** Keys by which it is found without looking into its inputs; the newest last. */
  readonly aliases: readonly string[];
  /** Records that it stands on. */
  readonly parents: readonly string[];
  /** The layers that it added to what it stands on. */
  readonly layers: readonly { readonly chainId: string; readonly sizeBytes: number }[];
  readonly description: string;
  readonly createdMs: number;
  readonly lastUsedMs: number;
  readonly usageCount: number;
}

/** Other contents around the same files give ever new aliases: so many are enough. */
const aliasesMax = 8;

/** The records of what was built, each kept with its layers. Small: it is there also in an engine that never builds. */
export interface BuildRecords {
  get(key: string): BuildRecord | undefined;
  /** By the key, or an alias of it. */
  find(keyOrAlias: string): BuildRecord | undefined;
  all(): Iterable<BuildRecord>;
  /** How many records have this layer in a chain of theirs. */
  users(chainId: string): number;
  put(record: BuildRecord): void;
  addAlias(key: string, alias: string): void;
  /** Notes that it was used now; written with the next flush. */
  touch(key: string): void;
  delete(keys: readonly string[]): void;
  /** Writes what was only noted. */
  flush(): void;
}

/** Opens the records. Layers of a chain in any of them must be kept: `users` says so. */
export function openBuildRecords(records: Pick<Records, 'collection' | 'transaction'>): BuildRecords {
  const collection: Collection<BuildRecord> = records.collection<BuildRecord>('build-records');
  const byAlias = new Map<string, string>();
  const users = new Map<string, number>();
  /** Used since they were written: when, and how often. */
  const touched = new Map<string, { lastUsedMs: number; times: number }>();

  function count(record: BuildRecord, step: 1 | -1): void {
    for (const chainId of new Set(record.outputs.flatMap(({ chain }) => chain))) {
      const now = (users.get(chainId) ?? 0) + step;
      if (now > 0) users.set(chainId, now);
      else users.delete(chainId);
    }
  }

  function enter(record: BuildRecord): void {
    count(record, 1);
    for (const alias of record.aliases) byAlias.set(alias, record.id);
  }

  function leave(record: BuildRecord): void {
    count(record, -1);
    for (const alias of record.aliases) if (byAlias.get(alias) === record.id) byAlias.delete(alias);
  }

  function current(record: BuildRecord): BuildRecord {
    const use = touched.get(record.id);
    if (use === undefined) return record;
    return { ...record, lastUsedMs: use.lastUsedMs, usageCount: record.usageCount + use.times };
  }

  function put(record: BuildRecord): void {
    const before = collection.get(record.id);
    collection.put(record);
    touched.delete(record.id);
    if (before !== undefined) leave(before);
    enter(record);
  }

  function get(key: string): BuildRecord | undefined {
    const record = collection.get(key);
    return record && current(record);
  }

  for (const record of collection.all()) enter(record);

  return {
    get,
    find: (key) => get(key) ?? get(byAlias.get(key) ?? ''),
    *all() {
      for (const record of collection.all()) yield current(record);
    },
    users: (chainId) => users.get(chainId) ?? 0,
    put,
    addAlias(key, alias) {
      const record = get(key);
      if (record === undefined || record.aliases.includes(alias)) return;
      put({ ...record, aliases: [...record.aliases, alias].slice(-aliasesMax) });
    },
    touch(key) {
      const times = (touched.get(key)?.times ?? 0) + 1;
      touched.set(key, { lastUsedMs: Date.now(), times });
    },
    delete(keys) {
      const gone = keys.flatMap((key) => collection.get(key) ?? []);
      records.transaction(() => {
        for (const { id } of gone) collection.delete(id);
      });
      for (const record of gone) {
        leave(record);
        touched.delete(record.id);
      }
    },
    flush() {
      if (touched.size === 0) return;
      const used = [...touched.keys()].flatMap((key) => get(key) ?? []);
      records.transaction(() => {
        for (const record of used) collection.put(record);
      });
      touched.clear();
    },
  };
}
