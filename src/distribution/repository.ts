import { type Descriptor, mediaTypes, parseIndex } from '#oci';
import { download } from './download.ts';
import { type Endpoint, type Endpoints, originPlace, type Place, type RegistryAsk } from './endpoint.ts';
import { RegistryError } from './failure.ts';
import { splitName } from './hosts.ts';
import { headDescriptor, manifestAccept, readManifest } from './manifest.ts';
import { withRetries } from './retry.ts';
import type { Answer } from './transport.ts';
import type { BlobUpload, FetchedManifest, RegistryCredentials, RegistrySettings, Repository } from './types.ts';
import { locationOf, uploadBlob } from './upload.ts';

const listMaxBytes = 16 * 1024 * 1024;
const pagesMax = 10_000;

interface Asker {
  readonly name: string;
  readonly credentials: RegistryCredentials | undefined;
  readonly actions: 'pull' | 'push';
  readonly signal: AbortSignal;
}

/** The mirrors of a registry, as the settings have them. A name and a password may stand in the URL. */
function mirrorPlaces(host: string, settings: RegistrySettings): Place[] {
  const urls = [...(settings.mirrors[host] ?? []), ...(host === '*' ? [] : (settings.mirrors['*'] ?? []))];
  return urls.map((text) => {
    const url = new URL(text);
    const credentials = url.username
      ? { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
      : undefined;
    const insecure = settings.insecure.includes(url.host) || settings.insecure.includes(url.hostname);
    return { bases: [`${url.origin}${url.pathname.replace(/\/+$/, '')}`], insecure, credentials };
  });
}

/** One repository of one registry. */
export function openRepository(
  { endpoints, settings }: { endpoints: Endpoints; settings: () => RegistrySettings },
  { name, credentials, actions, signal }: Asker,
): Repository {
  const { host, path } = splitName(name);
  const scopes = [`repository:${path}:${actions === 'push' ? 'pull,push' : 'pull'}`];
  const attempts = settings().downloadAttempts;
  const firstMs = settings().firstRetryMs ?? 1000;
  const retry = <T>(work: () => Promise<T>) => withRetries({ attempts, firstMs: firstMs / 2, signal }, work);

  async function origin(): Promise<Endpoint> {
    return endpoints.open(await originPlace(host, settings(), credentials), signal);
  }

  /** Asks the registry itself, again while it fails with what may pass. */
  async function ask(url: string, request: Omit<RegistryAsk, 'scopes'>): Promise<Answer> {
    const endpoint = await origin();
    return retry(() => endpoint.ask(url, { ...request, scopes }));
  }

  /** Has the mirrors do it, or else the registry itself. */
  async function anywhere<T>(work: (endpoint: Endpoint) => Promise<T>): Promise<T> {
    for (const place of mirrorPlaces(host, settings())) {
      try {
        return await work(await endpoints.open(place, signal));
      } catch {
        signal.throwIfAborted();
      }
    }
    const endpoint = await origin();
    return retry(() => work(endpoint));
  }

  async function manifest(reference: string): Promise<FetchedManifest> {
    const url = `/v2/${path}/manifests/${reference}`;
    return anywhere(async (endpoint) =>
      readManifest(await endpoint.ask(url, { headers: { Accept: manifestAccept }, scopes }), reference),
    );
  }

  async function headManifest(reference: string): Promise<Descriptor | undefined> {
    const url = `/v2/${path}/manifests/${reference}`;
    const headers = { Accept: manifestAccept };
    const answer = await ask(url, { method: 'HEAD', headers, accept: [404] });
    await answer.discard();
    if (answer.status === 404) return undefined;
    const descriptor = headDescriptor(answer);
    if (descriptor !== undefined) return descriptor;
    return (await readManifest(await ask(url, { headers }), reference)).descriptor;
  }

  async function putManifest(reference: string, mediaType: string, content: Uint8Array): Promise<void> {
    const headers = { 'Content-Type': mediaType };
    await (await ask(`/v2/${path}/manifests/${reference}`, { method: 'PUT', headers, body: content })).discard();
  }

  async function remove(kind: 'manifests' | 'blobs', digest: string): Promise<void> {
    await (await ask(`/v2/${path}/${kind}/${digest}`, { method: 'DELETE' })).discard();
  }

  async function* pages(first: string): AsyncIterable<Record<string, unknown>> {
    let url: string | undefined = first;
    for (let count = 0; url !== undefined && count < pagesMax; count += 1) {
      const answer: Answer = await ask(url, {});
      const text = Buffer.from(await answer.content(listMaxBytes)).toString();
      yield JSON.parse(text) as Record<string, unknown>;
      const next = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(answer.headers.get('link') ?? '')?.[1];
      url = next === undefined ? undefined : new URL(next, answer.url).href;
    }
  }

  async function tags(): Promise<string[]> {
    const found: string[] = [];
    for await (const { tags: page } of pages(`/v2/${path}/tags/list`)) if (Array.isArray(page)) found.push(...page);
    return found;
  }

  async function referrers(digest: string, artifactType?: string): Promise<Descriptor[]> {
    const query = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
    const found: (Descriptor & { artifactType?: string })[] = [];
    try {
      for await (const page of pages(`/v2/${path}/referrers/${digest}${query}`)) {
        if (Array.isArray(page.manifests)) found.push(...(page.manifests as Descriptor[]));
      }
    } catch (error) {
      if (!(error instanceof RegistryError) || ![400, 404, 405].includes(error.details.status ?? 0)) throw error;
      const tagged = await manifest(digest.replace(':', '-')).catch((missing: unknown) => {
        if (missing instanceof RegistryError && missing.details.status === 404) return undefined;
        throw missing;
      });
      if (tagged?.descriptor.mediaType === mediaTypes.index) found.push(...parseIndex(tagged.content).manifests);
    }
    return artifactType === undefined ? found : found.filter((item) => item.artifactType === artifactType);
  }

  function blob(
    descriptor: Descriptor & { readonly urls?: readonly string[] },
    options: { offset?: number; onRetry?: (waitSeconds: number) => void } = {},
  ): AsyncIterable<Uint8Array> {
    const url = `/v2/${path}/blobs/${descriptor.digest}`;
    const request = async (headers: Readonly<Record<string, string>>): Promise<Answer> => {
      for (const place of mirrorPlaces(host, settings())) {
        try {
          return await (await endpoints.open(place, signal)).ask(url, { headers, scopes });
        } catch {
          signal.throwIfAborted();
        }
      }
      return (await origin()).ask(url, { headers, scopes });
    };
    return download({ request, attempts, firstMs, signal }, descriptor, options);
  }

  async function headBlob(digest: string): Promise<{ sizeBytes: number } | undefined> {
    const answer = await ask(`/v2/${path}/blobs/${digest}`, { method: 'HEAD', accept: [404] });
    await answer.discard();
    if (answer.status === 404) return undefined;
    return { sizeBytes: Number(answer.headers.get('content-length') ?? 0) };
  }

  async function mountBlob(digest: string, from: string): Promise<boolean> {
    const endpoint = await origin();
    const both = [...scopes, `repository:${from}:pull`];
    const url = `/v2/${path}/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
    const headers = { 'Content-Length': '0' };
    const answer = await retry(() => endpoint.ask(url, { method: 'POST', headers, body: '', scopes: both }));
    await answer.discard();
    if (answer.status === 201) return true;
    // It began an upload instead, for which there may be no need.
    const location = locationOf(answer);
    await endpoint.ask(location, { method: 'DELETE', scopes, accept: [404, 405] }).then(
      (ended) => ended.discard(),
      () => undefined,
    );
    return false;
  }

  async function upload(blobUpload: BlobUpload): Promise<{ digest: string; sizeBytes: number }> {
    return uploadBlob({ endpoint: await origin(), path, scopes, attempts, firstMs, signal }, blobUpload);
  }

  return {
    name,
    manifest,
    headManifest,
    putManifest,
    deleteManifest: (digest) => remove('manifests', digest),
    tags,
    referrers,
    blob,
    headBlob,
    mountBlob,
    uploadBlob: upload,
    deleteBlob: (digest) => remove('blobs', digest),
  };
}
