import { constants, Database, SQLiteError } from 'bun:sqlite';
import { open } from 'node:fs/promises';
import { sharedRun } from '#std/shared-run';
import { keepRoom } from './room.ts';

/** What every record has: an identity that never changes. */
export interface Identified {
  readonly id: string;
}

/**
 * The records of one kind. All are held in memory and written through, so that reads cost no I/O and a write is one
 * SQLite statement. Records are immutable: to change one, put its successor.
 */
export interface Collection<T extends Identified> {
  readonly size: number;
  get(id: string): T | undefined;
  all(): IterableIterator<T>;
  put(record: T): void;
  delete(id: string): void;
}

export interface Records extends Disposable {
  /** The collection of that name; every caller must name the same type for the same name. */
  collection<T extends Identified>(name: string): Collection<T>;
  /**
   * Runs `body` as one transaction: on a throw nothing of it is kept, neither on disk nor in memory. With `durable` it
   * is synced to disk before the call returns (about 10 ms); else a power cut may lose the last moments, while a killed
   * process loses nothing.
   */
  transaction<R>(body: () => R, options?: { durable?: boolean }): R;
  /** All transactions up to now are on disk when it resolves. The thread goes on meanwhile, and many callers share a sync. */
  sync(): Promise<void>;
  /** The open database, for features whose data is no collection (the event journal). */
  readonly database: Database;
}

function prepare(path: string, locking: 'NORMAL' | 'EXCLUSIVE'): Database {
  const database = new Database(path, { create: true, strict: true });
  try {
    database.exec(`PRAGMA locking_mode = ${locking}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;`);
    database.exec('PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = -1;');
    // The log stays when the engine ends: on a full disk the next one could not make it anew.
    database.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 1);
    database.exec(
      'CREATE TABLE IF NOT EXISTS records (kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID',
    );
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function openDatabase(path: string): Database {
  try {
    return prepare(path, 'NORMAL');
  } catch (error) {
    // The log's index is a file made anew each time. Where a full disk refuses that, one connection keeps it in memory.
    if (!(error instanceof SQLiteError) || !/^SQLITE_(?:IOERR|FULL|CANTOPEN)/.test(error.code ?? '')) throw error;
    return prepare(path, 'EXCLUSIVE');
  }
}

async function syncLog(path: string): Promise<void> {
  const log = await open(path, 'r+');
  try {
    await log.datasync();
  } finally {
    await log.close();
  }
}

/** Opens (and creates) the records in the SQLite file at `path`. */
export function openRecords(path: string): Records {
  const database = openDatabase(path);
  const insert = database.prepare('INSERT OR REPLACE INTO records (kind, id, body) VALUES (?1, ?2, ?3)');
  const remove = database.prepare('DELETE FROM records WHERE kind = ?1 AND id = ?2');
  const select = database.query<{ id: string; body: string }, [string]>('SELECT id, body FROM records WHERE kind = ?1');
  const noteChange = keepRoom(database);
  const collections = new Map<string, Collection<Identified>>();
  let undo: (() => void)[] | undefined;

  function load<T extends Identified>(kind: string): Collection<T> {
    const held = new Map<string, T>();
    for (const row of select.all(kind)) held.set(row.id, JSON.parse(row.body) as T);
    const restore = (id: string): void => {
      const before = held.get(id);
      undo?.push(() => {
        if (before === undefined) held.delete(id);
        else held.set(id, before);
      });
    };
    return {
      get size() {
        return held.size;
      },
      get: (id) => held.get(id),
      all: () => held.values(),
      put(record) {
        insert.run(kind, record.id, JSON.stringify(record));
        restore(record.id);
        held.set(record.id, record);
        if (undo === undefined) noteChange();
      },
      delete(id) {
        remove.run(kind, id);
        restore(id);
        held.delete(id);
        if (undo === undefined) noteChange();
      },
    };
  }

  function transaction<R>(body: () => R, options: { durable?: boolean } = {}): R {
    if (undo !== undefined) return body();
    const result = commit(body, options);
    noteChange();
    return result;
  }

  function commit<R>(body: () => R, options: { durable?: boolean }): R {
    const steps: (() => void)[] = [];
    undo = steps;
    if (options.durable) database.exec('PRAGMA synchronous = FULL');
    try {
      database.exec('BEGIN IMMEDIATE');
      const result = body();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      if (database.inTransaction) database.exec('ROLLBACK');
      for (const step of steps.reverse()) step();
      throw error;
    } finally {
      undo = undefined;
      if (options.durable) database.exec('PRAGMA synchronous = NORMAL');
    }
  }

  return {
    database,
    transaction,
    // A log that is synced is as good as transactions that were; what has left it is synced already.
    sync: sharedRun(() => syncLog(`${path}-wal`)),
    collection<T extends Identified>(name: string) {
      const existing = collections.get(name) ?? load<Identified>(name);
      collections.set(name, existing);
      return existing as Collection<T>;
    },
    [Symbol.dispose]() {
      insert.finalize();
      remove.finalize();
      database.close();
    },
  };
}
