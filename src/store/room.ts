import type { Database } from 'bun:sqlite';

/** What is held free inside of the database: a thousand and more changes of containers fit in. */
const roomBytes = 4 * 1024 * 1024;
/** How many changes pass between two looks at what is left of it. */
const changesBetweenLooks = 256;
/** SQLite's own default. */
const pagesBetweenCheckpoints = 1000;

function bytesFree(database: Database): number {
  const pages = database.query<{ freelist_count: number }, []>('PRAGMA freelist_count').get();
  const size = database.query<{ page_size: number }, []>('PRAGMA page_size').get();
  return (pages?.freelist_count ?? 0) * (size?.page_size ?? 0);
}

/**
 * Holds room for changes inside of the database and its log: blocks that are written once and then reused in place, so that
 * no writer beside us on a full disk can take them. What frees a disk (stop, remove, prune) needs room for its records.
 * Returns what has to be called after each change, outside of transactions.
 */
export function keepRoom(database: Database): () => void {
  database.exec('CREATE TABLE IF NOT EXISTS room (bytes BLOB NOT NULL)');

  function fill(): void {
    if (bytesFree(database) >= roomBytes / 2) return;
    try {
      // One checkpoint at the end has a quarter of the syncs. It must have them on a new database too: a log that begins anew
      // relies on pages being in the file, and a power cut that took those would leave a file that is malformed.
      database.exec('PRAGMA wal_autocheckpoint = 0');
      // Two transactions: pages that are made and freed in one would not be written. The log grows as much, and stays so.
      database.exec(`INSERT INTO room (bytes) VALUES (zeroblob(${roomBytes}))`);
      database.exec('DELETE FROM room');
      database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch {
      // The disk is full already: what is left of the room has to do, until there is more.
    } finally {
      database.exec(`PRAGMA wal_autocheckpoint = ${pagesBetweenCheckpoints}`);
    }
  }

  fill();
  let changes = 0;
  return () => {
    changes += 1;
    if (changes % changesBetweenLooks === 0) fill();
  };
}
