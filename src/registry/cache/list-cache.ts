import { messageOf } from '#std/errors';
import { log } from '#std/log';
import type { ReferrerRecord } from '../catalogue.ts';
import { isContentDigest } from '../names.ts';
import type { CacheCounts } from './cache.ts';
import { failureOf, isAbsent, type Origin, type Places } from './places.ts';

/** A repository of Docker Hub may have tens of thousands of tags. */
const listsMax = 200;

interface Ground {
  readonly places: Places;
  readonly freshMs: number;
  readonly counts: CacheCounts;
  /** Whether something of a repository is here. */
  isHere(repository: string): boolean;
}

/** Lists of upstreams, believed as long as their tags are. Each is undefined where there is none, or none to be had now. */
export interface ListCache {
  tags(repository: string): Promise<readonly string[] | undefined>;
  referrers(repository: string, digest: string): Promise<readonly ReferrerRecord[] | undefined>;
}

/** What a registry says of a referrer; undefined for what is no descriptor. */
function referrerOf(value: unknown): ReferrerRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { mediaType, digest, size, artifactType, annotations } = value as Readonly<Record<string, unknown>>;
  if (typeof mediaType !== 'string' || !isContentDigest(digest) || !Number.isSafeInteger(size)) return undefined;
  return {
    mediaType,
    digest,
    sizeBytes: Number(size),
    ...(typeof artifactType === 'string' && { artifactType }),
    ...(typeof annotations === 'object' &&
      annotations !== null && { annotations: annotations as Record<string, string> }),
  };
}

/** Opens it. */
export function openListCache({ places, freshMs, counts, isHere }: Ground): ListCache {
  const known = new Map<string, { readonly atMs: number; readonly list: Promise<readonly unknown[]> }>();

  function ask(key: string, fetch: () => Promise<readonly unknown[]>): Promise<readonly unknown[]> {
    const fresh = known.get(key);
    if (fresh !== undefined && Date.now() - fresh.atMs < freshMs) return fresh.list;
    if (known.size >= listsMax) known.clear();
    const entry = { atMs: Date.now(), list: fetch() };
    known.set(key, entry);
    entry.list.catch(() => {
      if (known.get(key) === entry) known.delete(key);
    });
    return entry.list;
  }

  async function listed(repository: string, key: string, fetch: (origin: Origin) => Promise<readonly unknown[]>) {
    const origin = places.origin(repository);
    if (origin === undefined) return undefined;
    try {
      return await ask(key, () => fetch(origin));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      counts.failures += 1;
      if (!isHere(repository)) throw failureOf(origin.host, error);
      log('warn', 'an upstream cannot be asked, what is stored is listed', { repository, error: messageOf(error) });
      return undefined;
    }
  }

  return {
    async tags(repository) {
      const list = await listed(repository, repository, ({ source }) => source.tags());
      return list as readonly string[] | undefined;
    },
    async referrers(repository, digest) {
      const list = await listed(repository, `${repository}@${digest}`, ({ source }) => source.referrers(digest));
      return list?.map(referrerOf).filter((referrer) => referrer !== undefined);
    },
  };
}
