import { messageOf } from '#std/errors';
import { log } from '#std/log';
import { pulledStream } from '#std/pulled-stream';
import { checkManifest } from '../manifest-check.ts';
import { rangeOf } from '../range.ts';
import type { RegistryStorage } from '../storage.ts';
import { type BlobFetch, startBlobFetch } from './blob-fetch.ts';
import type { CacheCounts } from './cache.ts';
import { failureOf, isAbsent, type Origin, type Places } from './places.ts';

/**
 * A blob that is larger is sent while it comes, in chunks of no length known before: the server has no other way. A smaller
 * one is stored first, which takes no time worth mentioning.
 */
const streamedBytesMin = 1024 * 1024;

interface Ground {
  readonly storage: RegistryStorage;
  readonly places: Places;
  readonly counts: CacheCounts;
}

/** Blobs of upstreams. */
export interface BlobCache {
  /** Undefined when it is in the storage by now, or when there is none: whoever asks looks. */
  open(repository: string, digest: string, request: Request): Promise<Response | undefined>;
  settled(): Promise<unknown>;
}

/** Opens it. */
export function openBlobCache({ storage, places, counts }: Ground): BlobCache {
  const { catalogue, content } = storage;
  const fetches = new Map<string, BlobFetch>();

  /** As a manifest of the repository says; else as the upstream does. */
  async function sizeOf({ source }: Origin, repository: string, digest: string): Promise<number | undefined> {
    const parent = catalogue.namedBy(repository, digest);
    const bytes = parent === undefined ? undefined : catalogue.content(parent);
    const named =
      bytes === undefined ? undefined : checkManifest(bytes, null).blobs.find((blob) => blob.digest === digest);
    return named?.size ?? (await source.headBlob(digest))?.sizeBytes;
  }

  /** Another repository may have it; then it is enough that the upstream says it has it too. */
  async function linkOwn({ source }: Origin, repository: string, digest: string): Promise<boolean> {
    if (content.sizeBytes(digest) === undefined || (await source.headBlob(digest)) === undefined) return false;
    if (content.sizeBytes(digest) === undefined) return false;
    catalogue.linkBlob(repository, digest);
    await catalogue.sync();
    return true;
  }

  function fetchBlob({ source }: Origin, repository: string, digest: string, size: number): BlobFetch {
    const key = `${repository}@${digest}`;
    const running = fetches.get(key);
    if (running !== undefined) return running;
    const bytes = source.blob({ mediaType: 'application/octet-stream', digest, size });
    const fetch = startBlobFetch(storage, { repository, digest, sizeBytes: size, source: bytes });
    fetches.set(key, fetch);
    counts.fetches += 1;
    const end = (): void => void fetches.delete(key);
    fetch.stored.then(
      () => {
        end();
        counts.fetchedBytes += size;
      },
      (error: unknown) => {
        end();
        counts.failures += 1;
        log('warn', 'a blob did not come from its upstream', { repository, digest, error: messageOf(error) });
      },
    );
    return fetch;
  }

  async function open(origin: Origin, repository: string, digest: string, request: Request) {
    const running = fetches.get(`${repository}@${digest}`);
    const size = running?.sizeBytes ?? (await sizeOf(origin, repository, digest));
    // It may have come while the upstream was asked.
    if (size === undefined || catalogue.hasBlob(repository, digest)) return undefined;
    const headers = {
      'Content-Type': 'application/octet-stream',
      'Docker-Content-Digest': digest,
      ETag: `"${digest}"`,
      'Accept-Ranges': 'bytes',
    };
    if (request.method === 'HEAD') {
      return new Response(null, { headers: { ...headers, 'Content-Length': String(size) } });
    }
    const fetch = fetchBlob(origin, repository, digest, size);
    const range = rangeOf(request, size);
    if (size < streamedBytesMin || (range === undefined && request.headers.has('Range'))) {
      await fetch.stored;
      return undefined;
    }
    await fetch.begun;
    counts.streamedBytes += range === undefined ? size : range.end - range.start;
    if (range === undefined) return new Response(pulledStream(fetch.follow(0, size)), { headers });
    const part = { ...headers, 'Content-Range': `bytes ${range.start}-${range.end - 1}/${size}` };
    return new Response(pulledStream(fetch.follow(range.start, range.end)), { status: 206, headers: part });
  }

  return {
    async open(repository, digest, request) {
      const origin = places.origin(repository);
      if (origin === undefined) return undefined;
      try {
        if (await linkOwn(origin, repository, digest)) return undefined;
        return await open(origin, repository, digest, request);
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw failureOf(origin.host, error);
      }
    },
    settled: () => Promise.allSettled([...fetches.values()].map(({ stored }) => stored)),
  };
}
