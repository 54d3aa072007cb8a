import type { Database } from 'bun:sqlite';

/**
 * `links` makes a blob visible in a repository. `contents` has each manifest once, `manifests` the repositories it is in, and
 * `edges` what a manifest names (`blob`, `manifest`), whatever repositories it is in.
 */
const tables = [
  'repositories (name TEXT PRIMARY KEY) WITHOUT ROWID',
  'links (repository TEXT NOT NULL, digest TEXT NOT NULL, linked_at INTEGER NOT NULL, PRIMARY KEY (repository, digest)) WITHOUT ROWID',
  'contents (digest TEXT PRIMARY KEY, bytes BLOB NOT NULL)',
  'manifests (repository TEXT NOT NULL, digest TEXT NOT NULL, media_type TEXT NOT NULL, size INTEGER NOT NULL, subject TEXT, artifact_type TEXT, annotations TEXT, changed_at INTEGER NOT NULL, PRIMARY KEY (repository, digest)) WITHOUT ROWID',
  'edges (parent TEXT NOT NULL, child TEXT NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (parent, child)) WITHOUT ROWID',
  'tags (repository TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, tagged_at INTEGER NOT NULL, PRIMARY KEY (repository, name)) WITHOUT ROWID',
  'uploads (id TEXT PRIMARY KEY, repository TEXT NOT NULL, started_at INTEGER NOT NULL) WITHOUT ROWID',
];

const indexes = [
  'links_by_digest ON links (digest)',
  'manifests_by_digest ON manifests (digest)',
  'manifests_by_subject ON manifests (repository, subject) WHERE subject IS NOT NULL',
  'edges_by_child ON edges (child)',
  'tags_by_digest ON tags (repository, digest)',
];

/** Makes the tables that are not there yet. */
export function createTables(database: Database): void {
  for (const table of tables) database.exec(`CREATE TABLE IF NOT EXISTS ${table}`);
  for (const index of indexes) database.exec(`CREATE INDEX IF NOT EXISTS ${index}`);
}
