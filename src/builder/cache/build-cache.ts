import type { BuildLayers } from '#images';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import type { BuildRecord, BuildRecords } from './build-records.ts';

/** A record whose layers stay until it is released. */
export interface HeldRecord {
  readonly record: BuildRecord;
  /** Another hold of the same. */
  share(): HeldRecord;
  release(): void;
}

/** Results that are known, with their layers. */
export interface BuildCache {
  /** By its key or an alias; nothing is held. */
  find(keyOrAlias: string): BuildRecord | undefined;
  /** Holds its layers; one whose layers are gone is none, and is forgotten. */
  hold(key: string): HeldRecord | undefined;
  /** Takes a new record in, and the holds of its layers over. It is written once its layers are on the disk. */
  add(record: BuildRecord): HeldRecord;
  /** One that cannot be written, on a full disk, is done without. */
  addAlias(key: string, alias: string): void;
  isInUse(key: string): boolean;
  /** All records, those that are not written yet too. */
  all(): BuildRecord[];
  /** Forgets records and lets their layers go. */
  remove(keys: readonly string[]): void;
  /** Writes all that is not written yet. */
  flush(): Promise<void>;
  /** Forgets records whose layers are gone. */
  reconcile(): void;
  close(): Promise<void>;
}

/** Not written yet: until then its layers are held. */
interface PendingRecord {
  record: BuildRecord;
  isBeingWritten: boolean;
}

/** So long new records wait for others, to be written after one sync. */
const gatherMs = 2_000;

/** Opens the cache over its records and the store of layers. `onWritten` is told when it has grown. */
export function openBuildCache(
  records: BuildRecords,
  layers: BuildLayers,
  onWritten: () => void = () => undefined,
): BuildCache {
  const pending = new Map<string, PendingRecord>();
  const uses = new Map<string, number>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let writing: Promise<void> = Promise.resolve();

  const chainsOf = (record: BuildRecord): readonly (readonly string[])[] => record.outputs.map(({ chain }) => chain);
  const releaseAll = (chains: readonly (readonly string[])[]): void => {
    for (const chain of chains) layers.release(chain);
  };

  function find(key: string): BuildRecord | undefined {
    const waiting = pending.get(key) ?? pending.values().find(({ record }) => record.aliases.includes(key));
    return waiting?.record ?? records.find(key);
  }

  function holdAll(record: BuildRecord): boolean {
    const held: (readonly string[])[] = [];
    for (const chain of chainsOf(record)) {
      if (layers.hold(chain) === undefined) {
        releaseAll(held);
        return false;
      }
      held.push(chain);
    }
    return true;
  }

  function heldOf(record: BuildRecord): HeldRecord {
    uses.set(record.id, (uses.get(record.id) ?? 0) + 1);
    let isHeld = true;
    return {
      record,
      share() {
        if (!isHeld || !holdAll(record)) throw new TypeError(`${record.id} is not held`);
        return heldOf(record);
      },
      release() {
        if (!isHeld) return;
        isHeld = false;
        const left = (uses.get(record.id) ?? 0) - 1;
        if (left > 0) uses.set(record.id, left);
        else uses.delete(record.id);
        releaseAll(chainsOf(record));
      },
    };
  }

  /** Lets layers go that only records kept: whoever holds and releases them last has them removed. */
  function sweep(record: BuildRecord): void {
    for (const chain of chainsOf(record)) {
      for (let length = chain.length; length > 0; length--) {
        const rest = chain.slice(0, length);
        if (layers.hold(rest) === undefined) continue;
        layers.release(rest);
        break;
      }
    }
  }

  async function write(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const batch = [...pending.values()];
    for (const entry of batch) entry.isBeingWritten = true;
    try {
      if (batch.length > 0) await layers.sync();
      for (const entry of batch) if (pending.get(entry.record.id) === entry) records.put(entry.record);
      records.flush();
    } catch (error) {
      log('warn', 'results of a build were not kept', { error: messageOf(error) });
    }
    for (const entry of batch) {
      if (pending.get(entry.record.id) === entry) pending.delete(entry.record.id);
      releaseAll(chainsOf(entry.record));
    }
    if (batch.length > 0) onWritten();
  }

  function flush(): Promise<void> {
    writing = writing.then(write);
    return writing;
  }

  /** What is just being written lets its layers go itself. */
  function forget(key: string): void {
    const entry = pending.get(key);
    pending.delete(key);
    if (entry !== undefined && !entry.isBeingWritten) releaseAll(chainsOf(entry.record));
  }

  function remove(keys: readonly string[]): void {
    const gone = keys.flatMap((key) => find(key) ?? []);
    for (const key of keys) forget(key);
    records.delete(keys);
    for (const record of gone) sweep(record);
  }

  return {
    find,
    hold(key) {
      const record = find(key);
      if (record === undefined) return undefined;
      if (!holdAll(record)) {
        remove([record.id]);
        return undefined;
      }
      records.touch(record.id);
      return heldOf(record);
    },
    add(record) {
      if (!holdAll(record)) throw new TypeError(`layers of ${record.id} are not there`);
      forget(record.id);
      pending.set(record.id, { record, isBeingWritten: false });
      timer ??= setTimeout(() => void flush(), gatherMs);
      timer.unref();
      return heldOf(record);
    },
    addAlias(key, alias) {
      const waiting = pending.get(key);
      if (waiting !== undefined) {
        waiting.record = { ...waiting.record, aliases: [...waiting.record.aliases, alias] };
        return;
      }
      try {
        records.addAlias(key, alias);
      } catch (error) {
        log('warn', 'another name of a result was not kept', { error: messageOf(error) });
      }
    },
    isInUse: (key) => uses.has(key),
    all: () => [
      ...[...pending.values()].map(({ record }) => record),
      ...[...records.all()].filter(({ id }) => !pending.has(id)),
    ],
    remove,
    flush,
    reconcile() {
      const lost = [...records.all()].filter((record) => {
        const isWhole = holdAll(record);
        if (isWhole) releaseAll(chainsOf(record));
        return !isWhole;
      });
      remove(lost.map(({ id }) => id));
    },
    async close() {
      await flush();
      clearTimeout(timer);
    },
  };
}
