import { kindOf, messageOf } from '#std/errors';
import { log } from '#std/log';
import { refuse } from '../failures.ts';
import { checkManifest } from '../manifest-check.ts';
import { algorithmOf, contentDigest, isContentDigest } from '../names.ts';
import type { RegistryStorage } from '../storage.ts';
import type { CacheCounts } from './cache.ts';
import { failureOf, isAbsent, type Origin, type Places } from './places.ts';

/** After an upstream failed, what is stored is given for so long without asking it again. */
const restMs = 10_000;
const checkedMax = 10_000;

interface Ground {
  readonly storage: RegistryStorage;
  readonly places: Places;
  readonly freshMs: number;
  readonly counts: CacheCounts;
}

/** Manifests of upstreams: by digest for good, by tag as long as the tag is fresh. */
export interface ManifestCache {
  refresh(repository: string, reference: string, stored: string | undefined): Promise<void>;
  settled(): Promise<unknown>;
}

/** Opens it. */
export function openManifestCache({ storage: { catalogue }, places, freshMs, counts }: Ground): ManifestCache {
  const running = new Map<string, Promise<void>>();
  /** When a tag was last compared with its upstream's. */
  const checked = new Map<string, number>();

  function note(key: string, at: number): void {
    if (checked.size >= checkedMax) checked.clear();
    checked.set(key, at);
  }

  async function fetchManifest({ source }: Origin, repository: string, reference: string): Promise<void> {
    const fetched = await source.manifest(reference);
    const isDigest = isContentDigest(reference);
    const digest = contentDigest(fetched.content, algorithmOf(isDigest ? reference : ''));
    if (isDigest && digest !== reference) throw refuse('DIGEST_INVALID', `the content of ${reference} is ${digest}`);
    const manifest = checkManifest(fetched.content, fetched.descriptor.mediaType);
    catalogue.putManifest(repository, { ...manifest, digest }, isDigest ? undefined : reference);
    await catalogue.sync();
  }

  async function compare(origin: Origin, repository: string, tag: string, stored: string): Promise<void> {
    const newest = await origin.source.headManifest(tag);
    if (newest === undefined) catalogue.deleteTag(repository, tag);
    else if (newest.digest !== stored) await fetchManifest(origin, repository, tag);
  }

  async function refresh(origin: Origin, repository: string, reference: string, stored: string | undefined) {
    const key = `${repository}:${reference}`;
    try {
      if (stored === undefined) await fetchManifest(origin, repository, reference);
      else await compare(origin, repository, reference, stored);
      note(key, Date.now());
    } catch (error) {
      if (isAbsent(error)) return;
      if (kindOf(error) !== 'cancelled') counts.failures += 1;
      if (stored === undefined) throw failureOf(origin.host, error);
      note(key, Date.now() - freshMs + Math.min(restMs, freshMs));
      log('warn', 'an upstream cannot be asked, what is stored is served', { tag: key, error: messageOf(error) });
    }
  }

  return {
    async refresh(repository, reference, stored) {
      const origin = places.origin(repository);
      if (origin === undefined) return;
      const key = `${repository}:${reference}`;
      const isFresh = isContentDigest(reference) || Date.now() - (checked.get(key) ?? 0) < freshMs;
      counts.manifests[stored === undefined ? 'misses' : 'hits'] += 1;
      if (stored !== undefined && isFresh) return;
      const mine = running.get(key) ?? refresh(origin, repository, reference, stored);
      running.set(key, mine);
      await mine.finally(() => running.delete(key));
    },
    settled: () => Promise.allSettled(running.values()),
  };
}
