import { Histograms, metricText, type Sample } from '#std/prometheus';
import type { CacheCounts } from './cache/cache.ts';
import type { Collected } from './collect.ts';
import type { RegistryStorage } from './storage.ts';

const prefix = 'estiba_registry_';

function counter(name: string, help: string, value: number | readonly Sample[]): string {
  return metricText(`${prefix}${name}`, 'counter', help, typeof value === 'number' ? [{ value }] : value);
}

function gauge(name: string, help: string, value: number): string {
  return metricText(`${prefix}${name}`, 'gauge', help, [{ value }]);
}

function cacheText({ manifests, blobs, fetches, fetchedBytes, failures }: CacheCounts): string {
  const requests = Object.entries({ manifest: manifests, blob: blobs }).flatMap(([kind, { hits, misses }]) => [
    { labels: { kind, outcome: 'hit' }, value: hits },
    { labels: { kind, outcome: 'miss' }, value: misses },
  ]);
  return [
    counter('cache_requests_total', "What was asked of upstreams' repositories, and whether it was here", requests),
    counter('cache_fetches_total', 'Blobs that were asked of upstreams', fetches),
    counter('cache_fetched_bytes_total', 'Bytes of blobs that were stored from upstreams', fetchedBytes),
    counter('cache_failures_total', 'What upstreams failed to give', failures),
  ].join('');
}

/** What a registry has done since it was started. */
export class RegistryMetrics {
  readonly #requests = new Histograms();
  readonly #collections = { done: 0, failed: 0 };
  #removed = 0;
  #freedBytes = 0;
  #sentBytes = 0;
  #receivedBytes = 0;

  /** Notes a request whose answer begins; `route` is the name of one, so that their number is bounded. */
  request(labels: { readonly method: string; readonly route: string; readonly code: string }, seconds: number): void {
    this.#requests.observe(labels, seconds);
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /** Notes a collection of garbage; undefined for one that failed. */
  collected(outcome: Collected | undefined): void {
    this.#collections[outcome === undefined ? 'failed' : 'done'] += 1;
    if (outcome === undefined || outcome.dryRun) return;
    this.#removed += outcome.removals.length;
    this.#freedBytes += outcome.freedBytes;
  }

  /** All of it, and what is stored, in Prometheus's format. */
  async text({ catalogue, content }: RegistryStorage, cache: CacheCounts | undefined): Promise<string> {
    const { repositories, tags, manifests, uploads } = catalogue.counts();
    const { blobs, bytes } = await content.usage();
    const { done, failed } = this.#collections;
    const runs = Object.entries({ done, failed }).map(([outcome, value]) => ({ labels: { outcome }, value }));
    const help = 'The number of seconds it takes to begin the answer of a request';
    return [
      metricText(`${prefix}http_request_duration_seconds`, 'histogram', help, this.#requests.samples()),
      counter('sent_bytes_total', 'Bytes of blobs in answers', this.#sentBytes + (cache?.streamedBytes ?? 0)),
      counter('received_bytes_total', 'Bytes of blobs that clients have sent', this.#receivedBytes),
      gauge('repositories', 'Repositories', repositories),
      gauge('tags', 'Tags', tags),
      gauge('manifests', 'Manifests, each once', manifests),
      gauge('blobs', 'Blobs, each once', blobs),
      gauge('blob_bytes', 'Bytes of blobs', bytes),
      gauge('uploads', 'Pushes of blobs that have not ended', uploads),
      counter('garbage_collections_total', 'Collections of garbage', runs),
      counter('garbage_removals_total', 'What they removed', this.#removed),
      counter('garbage_freed_bytes_total', 'Bytes that the disk had back', this.#freedBytes),
      cache === undefined ? '' : cacheText(cache),
    ].join('');
  }
}
