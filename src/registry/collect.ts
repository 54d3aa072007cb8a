import { log } from '#std/log';
import { expiredManifests, expiredTags, type RetentionRule } from './retention.ts';
import type { RegistryStorage } from './storage.ts';
import type { Upstream } from './types.ts';

/** One thing that goes, and why. */
export interface Removal {
  readonly kind: 'tag' | 'manifest' | 'blob' | 'upload' | 'file';
  /** Empty for a file, which is nobody's. */
  readonly repository: string;
  /** A tag, a digest, the id of an upload. */
  readonly name: string;
  readonly reason: string;
}

/** What a collection removed, or would remove. */
export interface Collected {
  readonly dryRun: boolean;
  readonly removals: readonly Removal[];
  /** What the disk has back. */
  readonly freedBytes: number;
}

export interface CollectOptions {
  readonly rules: readonly RetentionRule[];
  readonly uploadLifeMs: number;
  /** Only says what would go. */
  readonly dryRun?: boolean;
  /** Whose content goes that nobody asks for. */
  readonly upstream?: Upstream;
  /** The present, in milliseconds since the epoch. */
  readonly now?: number;
}

const pageNames = 500;
const filesBetweenPauses = 200;

/** Lets requests be served in between. */
const pause = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** A transaction that is to leave nothing behind. */
class DryRun extends Error {}

/** Collects one repository without a pause: what is judged is what goes. Its records are synced before a file may go. */
function collectRepository(storage: RegistryStorage, repository: string, options: CollectOptions): Removal[] {
  const { catalogue, leases } = storage;
  const { rules, now = Date.now(), dryRun = false, upstream } = options;
  const { graceMs } = leases;
  const removals: Removal[] = [];
  const add = (kind: Removal['kind'], name: string, reason: string): void =>
    void removals.push({ kind, repository, name, reason });

  function sweep(): void {
    const tags = catalogue.tagsOf(repository);
    const expired = expiredTags(rules, repository, tags, now);
    const tagged = new Set(tags.filter(({ name }) => !expired.has(name)).map(({ digest }) => digest));
    const released = new Set(tags.filter(({ digest }) => !tagged.has(digest)).map(({ digest }) => digest));
    const manifests = catalogue.manifestsOf(repository);
    const content = { manifests, tagged, released, parts: catalogue.partsOf(repository) };
    for (const [name, reason] of expired) {
      catalogue.dropTag(repository, name);
      add('tag', name, reason);
    }
    for (const [digest, reason] of expiredManifests(rules, repository, content, { now, graceMs })) {
      catalogue.deleteManifest(repository, digest);
      add('manifest', digest, reason);
    }
    const keepMs = upstream?.hostOf(repository) === undefined ? undefined : upstream.keepMs;
    for (const { digest, changedAtMs } of keepMs === undefined ? [] : manifests) {
      if (changedAtMs > now - Math.max(keepMs ?? 0, graceMs)) continue;
      if (catalogue.deleteManifest(repository, digest)) add('manifest', digest, 'cached, and nobody asked for it');
    }
    for (const digest of catalogue.unnamedBlobs(repository, now - graceMs)) {
      catalogue.unlinkBlob(repository, digest);
      add('blob', digest, 'no manifest names it');
    }
    catalogue.dropEmpty(repository);
    if (dryRun) throw new DryRun();
  }

  try {
    catalogue.transaction(sweep, { durable: true });
  } catch (error) {
    if (!(error instanceof DryRun)) throw error;
  }
  return removals;
}

/** Files of blobs that are in no repository any more, or in none yet because a push was killed. */
async function collectFiles(storage: RegistryStorage, dryRun: boolean, removals: Removal[]): Promise<number> {
  const { catalogue, content } = storage;
  const unlinked = Map.groupBy(
    removals.filter(({ kind }) => kind === 'blob'),
    ({ name }) => name,
  );
  let freedBytes = 0;
  for (const [index, digest] of (await content.list()).entries()) {
    if (index % filesBetweenPauses === 0) await pause();
    const links = catalogue.repositoriesOf(digest).length;
    const gone = dryRun ? (unlinked.get(digest)?.length ?? 0) : 0;
    if (links > gone || content.isPinned(digest)) continue;
    freedBytes += content.sizeBytes(digest) ?? 0;
    if (!unlinked.has(digest))
      removals.push({ kind: 'file', repository: '', name: digest, reason: 'in no repository' });
    if (!dryRun) content.delete(digest);
  }
  if (!dryRun) await content.emptyTrash();
  return freedBytes;
}

/**
 * Removes, while requests are served, what retention rules say, what nothing names, and uploads that nobody goes on with.
 * What is named stays, and so does what was pushed or asked for within the grace.
 */
export async function collect(storage: RegistryStorage, options: CollectOptions): Promise<Collected> {
  const { dryRun = false, now = Date.now(), uploadLifeMs } = options;
  const removals: Removal[] = storage.uploads.expire(now - uploadLifeMs, dryRun).map(({ id, repository }) => ({
    kind: 'upload',
    repository,
    name: id,
    reason: 'nobody goes on with it',
  }));
  for (let names = storage.catalogue.repositories('', pageNames); names.length > 0; ) {
    for (const name of names) {
      removals.push(...collectRepository(storage, name, { ...options, now }));
      await pause();
    }
    names = storage.catalogue.repositories(names.at(-1) ?? '', pageNames);
  }
  const freedBytes = await collectFiles(storage, dryRun, removals);
  log('info', 'garbage collected', { dryRun, removals: removals.length, freedBytes });
  return { dryRun, removals, freedBytes };
}
