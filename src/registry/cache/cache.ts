import { newId } from '#std/identifiers';
import type { RegistryStorage } from '../storage.ts';
import type { Upstream } from '../types.ts';
import { openBlobCache } from './blob-cache.ts';
import { openListCache } from './list-cache.ts';
import { openManifestCache } from './manifest-cache.ts';
import { type CacheSettings, openPlaces } from './places.ts';

/** What a cache was asked, and what it did about it. */
export interface CacheCounts {
  readonly manifests: { hits: number; misses: number };
  readonly blobs: { hits: number; misses: number };
  /** Blobs that were asked of upstreams. */
  fetches: number;
  fetchedBytes: number;
  /** Of blobs that went to clients while they came. */
  streamedBytes: number;
  /** What an upstream did not give though it should have it. */
  failures: number;
}

/** Opens the cache of upstreams that stores in `storage`. */
export function openCache(storage: RegistryStorage, settings: CacheSettings): Upstream {
  const ending = new AbortController();
  const userAgent = `estiba-registry/${newId()}`;
  const places = openPlaces(settings, userAgent, ending.signal);
  const counts: CacheCounts = {
    manifests: { hits: 0, misses: 0 },
    blobs: { hits: 0, misses: 0 },
    fetches: 0,
    fetchedBytes: 0,
    streamedBytes: 0,
    failures: 0,
  };
  const manifests = openManifestCache({ storage, places, freshMs: settings.freshMs, counts });
  const blobs = openBlobCache({ storage, places, counts });
  const lists = openListCache({ places, freshMs: settings.freshMs, counts, isHere: storage.catalogue.hasRepository });
  return {
    ...lists,
    counts,
    keepMs: settings.keepMs,
    isOwn: (request) => request.headers.get('User-Agent') === userAgent,
    refreshManifest: manifests.refresh,
    openBlob(repository, digest, request) {
      counts.blobs.misses += 1;
      return blobs.open(repository, digest, request);
    },
    hostOf: places.host,
    noteHit(repository) {
      if (places.host(repository) !== undefined) counts.blobs.hits += 1;
    },
    locate(repository, { namespace, isSought }) {
      const named = namespace === null ? undefined : places.nameFor(namespace, repository);
      const known = places.inside(repository) ?? named;
      if (known !== undefined) return known;
      const isHere = !isSought || storage.catalogue.hasRepository(repository);
      return (isHere ? undefined : places.fallbackFor(repository)) ?? repository;
    },
    async close() {
      ending.abort();
      await Promise.all([manifests.settled(), blobs.settled()]);
    },
  };
}
