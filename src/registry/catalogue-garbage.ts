import type { Records } from '#store';
import { statements } from './catalogue-statements.ts';

/** A manifest, as the collection of garbage sees it. */
export interface ManifestAge {
  readonly digest: string;
  readonly subject: string | null;
  /** When it was pushed, last asked for, or last lost a name. */
  readonly changedAtMs: number;
  readonly sizeBytes: number;
}

export interface TagAge {
  readonly name: string;
  readonly digest: string;
  readonly taggedAtMs: number;
}

/** What the collection of garbage asks of the records, repository by repository. */
export function openGarbage(records: Records) {
  const { many, change } = statements(records);
  const ages = 'digest, subject, changed_at AS changedAtMs, size AS sizeBytes';
  const manifests = many<ManifestAge>(`SELECT ${ages} FROM manifests WHERE repository = ?1`);
  const tags = many<TagAge>('SELECT name, digest, tagged_at AS taggedAtMs FROM tags WHERE repository = ?1');
  const parts = many<{ parent: string; child: string }>(
    "SELECT parent, child FROM edges JOIN manifests ON digest = parent WHERE repository = ?1 AND kind = 'manifest'",
  );
  const unnamed = many<{ digest: string }>(
    `SELECT digest FROM links WHERE repository = ?1 AND linked_at <= ?2 AND NOT EXISTS (
       SELECT 1 FROM edges JOIN manifests ON manifests.digest = parent
       WHERE child = links.digest AND manifests.repository = ?1)`,
  );
  const renewLink = change('UPDATE links SET linked_at = ?3 WHERE repository = ?1 AND digest = ?2 AND linked_at < ?4');
  const renewManifest = change(
    'UPDATE manifests SET changed_at = ?3 WHERE repository = ?1 AND digest = ?2 AND changed_at < ?4',
  );
  const drop = change(
    `DELETE FROM repositories WHERE name = ?1
       AND NOT EXISTS (SELECT 1 FROM links WHERE repository = ?1)
       AND NOT EXISTS (SELECT 1 FROM manifests WHERE repository = ?1)
       AND NOT EXISTS (SELECT 1 FROM uploads WHERE repository = ?1)`,
  );
  return {
    manifestsOf: (repository: string): ManifestAge[] => manifests(repository),
    tagsOf: (repository: string): TagAge[] => tags(repository),
    /** The indexes of a repository, each with one of the manifests that it names. */
    partsOf: (repository: string): { parent: string; child: string }[] => parts(repository),
    /** Blobs that no manifest of the repository names, and nobody asked for since `before`. */
    unnamedBlobs: (repository: string, before: number): string[] =>
      unnamed(repository, before).map(({ digest }) => digest),
    /** Notes that a blob or manifest was asked for, if the last note is from before `before`. */
    renew(repository: string, digest: string, now: number, before: number): void {
      if (renewLink(repository, digest, now, before) === 0) renewManifest(repository, digest, now, before);
    },
    /** Forgets a repository in which nothing is left. */
    dropEmpty: (repository: string): boolean => drop(repository) > 0,
    transaction: records.transaction.bind(records),
  };
}
