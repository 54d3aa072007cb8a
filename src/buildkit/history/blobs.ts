import { digestOf } from '#oci';
import type { Records } from '#store';
import type { BlobReference } from './record.ts';

/** Bytes of a build that are read when somebody asks: its output, the details of its error. */
export interface HistoryBlobs {
  put(build: string, mediaType: string, content: Uint8Array): BlobReference;
  get(digest: string): Uint8Array | undefined;
  /** Removes those of a build. */
  remove(build: string): void;
}

/** They lie in the records' database, compressed, and go with their build. */
export function openHistoryBlobs({ database }: Records): HistoryBlobs {
  database.exec(
    'CREATE TABLE IF NOT EXISTS build_blobs (build TEXT NOT NULL, digest TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (build, digest)) WITHOUT ROWID; CREATE INDEX IF NOT EXISTS build_blobs_by_digest ON build_blobs (digest);',
  );
  const insert = database.prepare('INSERT OR REPLACE INTO build_blobs (build, digest, body) VALUES (?1, ?2, ?3)');
  const select = database.query<{ body: Uint8Array }, [string]>(
    'SELECT body FROM build_blobs WHERE digest = ?1 LIMIT 1',
  );
  const remove = database.prepare('DELETE FROM build_blobs WHERE build = ?1');
  return {
    put(build, mediaType, content) {
      const digest = digestOf(content);
      insert.run(build, digest, Bun.zstdCompressSync(content, { level: 1 }));
      return { mediaType, digest, sizeBytes: content.length };
    },
    get(digest) {
      const row = select.get(digest);
      return row === null ? undefined : Bun.zstdDecompressSync(row.body);
    },
    remove: (build) => void remove.run(build),
  };
}
