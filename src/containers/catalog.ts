import { fail } from '#std/errors';
import { Lock } from '#std/lock';
import type { Records } from '#store';
import { upToDate } from './older-records.ts';
import type { ContainerRecord } from './record.ts';

/** Called for every change of one container; `next` is undefined once it is removed. */
export type Watcher = (next: ContainerRecord | undefined, previous: ContainerRecord) => void;

/** All containers of this engine, found by name, id or prefix, and what changes of them, told to who watches. */
export interface Catalog {
  all(): IterableIterator<ContainerRecord>;
  /** The current record of an id; undefined once it is removed. */
  get(id: string): ContainerRecord | undefined;
  /** By name, id or unique id prefix; throws `not-found`, or `invalid-argument` for a prefix of several. */
  find(name: string): ContainerRecord;
  /** Takes a new container in; throws `conflict` when its name is taken. */
  insert(record: ContainerRecord): void;
  /** Puts the successor of a record. */
  put(record: ContainerRecord): void;
  delete(id: string): void;
  /** The id that holds a name. */
  owner(name: string): string | undefined;
  watch(id: string, watcher: Watcher): Disposable;
  /** What changes a container's life one at a time: start, exit, removal. */
  lock(id: string): Lock;
}

function nameTaken(name: string, id: string): Error {
  return fail(
    'conflict',
    `Conflict. The container name "/${name}" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}

/** Opens the catalog over the collection `containers`. */
export function openCatalog(records: Records): Catalog {
  const collection = records.collection<ContainerRecord>('containers');
  const ids = new Map<string, string>();
  const watchers = new Map<string, Set<Watcher>>();
  const locks = new Map<string, Lock>();
  for (const record of [...collection.all()]) {
    const current = upToDate(record);
    if (current !== record) collection.put(current);
    ids.set(record.name, record.id);
  }

  function tell(next: ContainerRecord | undefined, previous: ContainerRecord): void {
    for (const watcher of watchers.get(previous.id) ?? []) watcher(next, previous);
  }

  function find(name: string): ContainerRecord {
    const bare = name.replace(/^\//, '');
    const exact = collection.get(bare) ?? collection.get(ids.get(bare) ?? '');
    if (exact !== undefined) return exact;
    const found: ContainerRecord[] = [];
    if (/^[0-9a-f]+$/.test(bare)) {
      for (const record of collection.all()) if (record.id.startsWith(bare)) found.push(record);
    }
    if (found.length > 1) {
      throw fail('invalid-argument', `multiple IDs found with provided prefix: ${bare}`);
    }
    if (found[0] === undefined) throw fail('not-found', `No such container: ${name}`);
    return found[0];
  }

  return {
    all: () => collection.all(),
    get: (id) => collection.get(id),
    find,
    owner: (name) => ids.get(name),
    insert(record) {
      const taken = ids.get(record.name);
      if (taken !== undefined) throw nameTaken(record.name, taken);
      collection.put(record);
      ids.set(record.name, record.id);
    },
    put(record) {
      const previous = collection.get(record.id);
      if (previous === undefined) throw fail('not-found', `No such container: ${record.id}`);
      if (record.name !== previous.name) {
        const taken = ids.get(record.name);
        if (taken !== undefined) throw nameTaken(record.name, taken);
      }
      collection.put(record);
      ids.delete(previous.name);
      ids.set(record.name, record.id);
      tell(record, previous);
    },
    delete(id) {
      const previous = collection.get(id);
      if (previous === undefined) return;
      collection.delete(id);
      ids.delete(previous.name);
      tell(undefined, previous);
      watchers.delete(id);
      locks.delete(id);
    },
    watch(id, watcher) {
      const set = watchers.get(id) ?? new Set();
      watchers.set(id, set.add(watcher));
      return {
        [Symbol.dispose]() {
          set.delete(watcher);
          if (set.size === 0 && watchers.get(id) === set) watchers.delete(id);
        },
      };
    },
    lock(id) {
      const lock = locks.get(id) ?? new Lock();
      locks.set(id, lock);
      return lock;
    },
  };
}
