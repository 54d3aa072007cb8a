import { nowNs } from '#std/time';
import type { Collection, Records } from '#store';

/** A layer's blob as registries have it: `id` is the digest of the blob, compressed as it is there. */
export interface StoredBlobSource {
  readonly id: string;
  /** Of the tar that it holds; empty while that is not known. */
  readonly diffId: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Where it was seen, names in full (`docker.io/library/busybox`), the last one first. */
  readonly repositories: readonly string[];
  /** When it was last seen, milliseconds of the epoch. */
  readonly seenAtMs: number;
}

/**
 * Which blobs hold which layer, and in which repositories they are. What pull and push learn of registries, so that the next
 * one need not send, compress or fetch again. All of it may be outdated: ask the registry before relying on it.
 */
export interface BlobSources {
  get(digest: string): StoredBlobSource | undefined;
  /** The blobs that hold a layer, the last seen first. */
  ofDiffId(diffId: string): StoredBlobSource[];
  /** Notes that a blob was seen in a repository (pulled from it, sent to it, or found there). */
  put(
    source: Omit<StoredBlobSource, 'id' | 'repositories' | 'seenAtMs'> & { digest: string; repository: string },
  ): void;
  /** Forgets that a repository has a blob: it said so. */
  drop(digest: string, repository: string): void;
}

/** Those seen least recently are forgotten beyond that; so many more are let in before that is done. */
const sourceLimit = 4096;
const sourceSlack = 256;
const repositoryLimit = 24;

/** Opens the blob sources kept in `records`. */
export function openBlobSources(records: Pick<Records, 'collection' | 'transaction'>): BlobSources {
  const sources: Collection<StoredBlobSource> = records.collection<StoredBlobSource>('blob-sources');

  function forgetOldest(): void {
    if (sources.size < sourceLimit + sourceSlack) return;
    const oldest = [...sources.all()].sort((one, other) => one.seenAtMs - other.seenAtMs);
    for (const { id } of oldest.slice(0, sources.size - sourceLimit)) sources.delete(id);
  }

  return {
    get: (digest) => sources.get(digest),
    ofDiffId: (diffId) =>
      [...sources.all()]
        .filter((source) => source.diffId === diffId)
        .sort((one, other) => other.seenAtMs - one.seenAtMs),
    put({ digest, repository, diffId, mediaType, sizeBytes }) {
      const others = (sources.get(digest)?.repositories ?? []).filter((name) => name !== repository);
      const repositories = [repository, ...others].slice(0, repositoryLimit);
      const seenAtMs = Number(nowNs() / 1_000_000n);
      records.transaction(() => {
        sources.put({ id: digest, diffId, mediaType, sizeBytes, repositories, seenAtMs });
        forgetOldest();
      });
    },
    drop(digest, repository) {
      const source = sources.get(digest);
      if (source === undefined) return;
      const repositories = source.repositories.filter((name) => name !== repository);
      // The digest alone stays worth knowing: the same layer compresses to it again.
      sources.put({ ...source, repositories });
    },
  };
}
