import type { Records } from '#store';
import { openGarbage } from './catalogue-garbage.ts';
import { createTables } from './catalogue-schema.ts';
import { statements } from './catalogue-statements.ts';

/** A manifest in one repository. */
export interface ManifestRecord {
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly subject?: string;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a list of referrers tells of a manifest. */
export type ReferrerRecord = Omit<ManifestRecord, 'subject'>;

/** What a manifest names. */
export interface Edge {
  readonly digest: string;
  readonly kind: 'blob' | 'manifest';
}

export interface NewManifest extends ManifestRecord {
  readonly content: Uint8Array;
  readonly edges: readonly Edge[];
}

interface ManifestRow {
  readonly digest: string;
  readonly media_type: string;
  readonly size: number;
  readonly subject: string | null;
  readonly artifact_type: string | null;
  readonly annotations: string | null;
}

function recordOf(row: ManifestRow): ManifestRecord {
  return {
    digest: row.digest,
    mediaType: row.media_type,
    sizeBytes: row.size,
    ...(row.subject === null ? {} : { subject: row.subject }),
    ...(row.artifact_type === null ? {} : { artifactType: row.artifact_type }),
    ...(row.annotations === null ? {} : { annotations: JSON.parse(row.annotations) as Record<string, string> }),
  };
}

/** Which blobs, manifests and tags each repository has. Times are in milliseconds since the epoch. */
export type Catalogue = ReturnType<typeof openCatalogue>;

function openLinks(records: Records) {
  const { one, many, change } = statements(records);
  const has = one('SELECT 1 FROM links WHERE repository = ?1 AND digest = ?2');
  const insert = change('INSERT OR REPLACE INTO links (repository, digest, linked_at) VALUES (?1, ?2, ?3)');
  const remove = change('DELETE FROM links WHERE repository = ?1 AND digest = ?2');
  const found = change('INSERT OR IGNORE INTO repositories (name) VALUES (?1)');
  const anywhere = one('SELECT 1 FROM links WHERE digest = ?1');
  const repositoriesOf = many<{ repository: string }>('SELECT repository FROM links WHERE digest = ?1');
  return {
    /** Makes a repository known. */
    found,
    hasBlob: (repository: string, digest: string): boolean => has(repository, digest) !== undefined,
    /** On disk after the next `sync`. */
    linkBlob: (repository: string, digest: string): void =>
      records.transaction(() => {
        found(repository);
        insert(repository, digest, Date.now());
      }),
    /** Synced: what follows may remove the blob's file. */
    unlinkBlob: (repository: string, digest: string): boolean =>
      records.transaction(() => remove(repository, digest) > 0, { durable: true }),
    isLinkedAnywhere: (digest: string): boolean => anywhere(digest) !== undefined,
    /** The repositories that have a blob. */
    repositoriesOf: (digest: string): string[] => repositoriesOf(digest).map(({ repository }) => repository),
  };
}

function openManifests(records: Records, found: (repository: string) => number) {
  const { one, many, change } = statements(records);
  const columns = 'digest, media_type, size, subject, artifact_type, annotations';
  const byDigest = one<ManifestRow>(`SELECT ${columns} FROM manifests WHERE repository = ?1 AND digest = ?2`);
  const bySubject = many<ManifestRow>(
    `SELECT ${columns} FROM manifests WHERE repository = ?1 AND subject = ?2 ORDER BY digest`,
  );
  const tag = one<{ digest: string }>('SELECT digest FROM tags WHERE repository = ?1 AND name = ?2');
  const content = one<{ bytes: Uint8Array }>('SELECT bytes FROM contents WHERE digest = ?1');
  const addContent = change('INSERT OR IGNORE INTO contents (digest, bytes) VALUES (?1, ?2)');
  const addEdge = change('INSERT OR IGNORE INTO edges (parent, child, kind) VALUES (?1, ?2, ?3)');
  const addManifest = change(
    `INSERT OR REPLACE INTO manifests (repository, ${columns}, changed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
  );
  const addTag = change('INSERT OR REPLACE INTO tags (repository, name, digest, tagged_at) VALUES (?1, ?2, ?3, ?4)');
  const removeTag = change('DELETE FROM tags WHERE repository = ?1 AND name = ?2');
  const removeTagsOf = change('DELETE FROM tags WHERE repository = ?1 AND digest = ?2');
  const touchTagged = change(
    `UPDATE manifests SET changed_at = ?3
     WHERE repository = ?1 AND digest = (SELECT digest FROM tags WHERE repository = ?1 AND name = ?2)`,
  );
  const touchNamed = change(
    `UPDATE manifests SET changed_at = ?3
     WHERE repository = ?1 AND (subject = ?2 OR digest IN (SELECT child FROM edges WHERE parent = ?2))`,
  );
  const removeManifest = change('DELETE FROM manifests WHERE repository = ?1 AND digest = ?2');
  const anywhere = one('SELECT 1 FROM manifests WHERE digest = ?1');
  const removeContent = change('DELETE FROM contents WHERE digest = ?1');
  const removeEdges = change('DELETE FROM edges WHERE parent = ?1');
  const namedBy = one<{ parent: string }>(
    'SELECT parent FROM edges JOIN manifests ON manifests.digest = edges.parent WHERE child = ?1 AND repository = ?2 LIMIT 1',
  );
  return {
    manifest: (repository: string, digest: string): ManifestRecord | undefined => {
      const row = byDigest(repository, digest);
      return row === undefined ? undefined : recordOf(row);
    },
    /** The bytes as they were pushed. */
    content: (digest: string): Uint8Array | undefined => content(digest)?.bytes,
    tagged: (repository: string, name: string): string | undefined => tag(repository, name)?.digest,
    referrers: (repository: string, subject: string): ManifestRecord[] => bySubject(repository, subject).map(recordOf),
    /** The digest of a manifest in the repository that names a blob or a manifest. */
    namedBy: (repository: string, digest: string): string | undefined => namedBy(digest, repository)?.parent,
    /** On disk after the next `sync`. */
    putManifest(repository: string, manifest: NewManifest, tagName?: string): void {
      const { digest, mediaType, sizeBytes, subject, artifactType, annotations } = manifest;
      const asText = annotations === undefined ? null : JSON.stringify(annotations);
      records.transaction(() => {
        found(repository);
        addContent(digest, manifest.content);
        for (const edge of manifest.edges) addEdge(digest, edge.digest, edge.kind);
        addManifest(
          repository,
          digest,
          mediaType,
          sizeBytes,
          subject ?? null,
          artifactType ?? null,
          asText,
          Date.now(),
        );
        if (tagName === undefined) return;
        // What had the tag before is untagged from now on.
        touchTagged(repository, tagName, Date.now());
        addTag(repository, tagName, digest, Date.now());
      });
    },
    deleteTag: (repository: string, name: string): boolean =>
      records.transaction(
        () => {
          touchTagged(repository, name, Date.now());
          return removeTag(repository, name) > 0;
        },
        { durable: true },
      ),
    /** The same in somebody's transaction, and without its manifest being any younger. */
    dropTag: removeTag,
    /** With all its tags. False when it is not there. */
    deleteManifest: (repository: string, digest: string): boolean =>
      records.transaction(
        () => {
          removeTagsOf(repository, digest);
          touchNamed(repository, digest, Date.now());
          if (removeManifest(repository, digest) === 0) return false;
          if (anywhere(digest) === undefined) {
            removeContent(digest);
            removeEdges(digest);
          }
          return true;
        },
        { durable: true },
      ),
  };
}

function openLists(records: Records) {
  const { one, many } = statements(records);
  const exists = one('SELECT 1 FROM repositories WHERE name = ?1');
  const repositories = many<{ name: string }>('SELECT name FROM repositories WHERE name > ?1 ORDER BY name LIMIT ?2');
  const tags = many<{ name: string }>(
    'SELECT name FROM tags WHERE repository = ?1 AND name > ?2 ORDER BY name LIMIT ?3',
  );
  const counts = one<{ repositories: number; tags: number; manifests: number; uploads: number }>(
    `SELECT (SELECT count(*) FROM repositories) AS repositories, (SELECT count(*) FROM tags) AS tags,
       (SELECT count(*) FROM contents) AS manifests, (SELECT count(*) FROM uploads) AS uploads`,
  );
  return {
    /** How many there are of each; a manifest in several repositories is one. */
    counts: () => counts() ?? { repositories: 0, tags: 0, manifests: 0, uploads: 0 },
    hasRepository: (name: string): boolean => exists(name) !== undefined,
    /** In order of their bytes, those behind `last` alone. */
    repositories: (last: string, count: number): string[] => repositories(last, count).map(({ name }) => name),
    tags: (repository: string, last: string, count: number): string[] =>
      tags(repository, last, count).map(({ name }) => name),
  };
}

interface UploadRow {
  readonly id: string;
  readonly repository: string;
  readonly startedAtMs: number;
}

function openUploadRecords(records: Records, linkBlob: (repository: string, digest: string) => void) {
  const { one, many, change } = statements(records);
  const columns = 'id, repository, started_at AS startedAtMs';
  const insert = change('INSERT INTO uploads (id, repository, started_at) VALUES (?1, ?2, ?3)');
  const remove = change('DELETE FROM uploads WHERE id = ?1');
  const select = one<UploadRow>(`SELECT ${columns} FROM uploads WHERE id = ?1`);
  const all = many<UploadRow>(`SELECT ${columns} FROM uploads`);
  return {
    addUpload: (id: string, repository: string): void => void insert(id, repository, Date.now()),
    upload: (id: string): UploadRow | undefined => select(id),
    uploads: (): UploadRow[] => all(),
    removeUpload: (id: string): void => void remove(id),
    /** It has become a blob of its repository; on disk after the next `sync`. */
    finishUpload: (id: string, repository: string, digest: string): void =>
      records.transaction(() => {
        remove(id);
        linkBlob(repository, digest);
      }),
  };
}

/** Opens (and makes) the catalogue in the database of `records`. */
export function openCatalogue(records: Records) {
  createTables(records.database);
  const links = openLinks(records);
  return {
    ...links,
    ...openManifests(records, links.found),
    ...openLists(records),
    ...openUploadRecords(records, links.linkBlob),
    ...openGarbage(records),
    sync: records.sync,
  };
}
