import { type Descriptor, familiarName, isDigest } from '#oci';
import { fail } from '#std/errors';
import { download } from './download.ts';
import { failOf } from './endpoint.ts';
import { passes, RegistryError } from './failure.ts';
import { listReferrers, listTags } from './lists.ts';
import { headDescriptor, manifestAccept, readManifest } from './manifest.ts';
import type { Reach } from './reach.ts';
import type { Answer } from './transport.ts';
import type { FetchedManifest, Repository } from './types.ts';
import { locationOf, uploadBlob } from './upload.ts';

type Source = (headers: Readonly<Record<string, string>>) => Promise<Answer>;

/** What Docker says around the error of a registry that has not what is pulled, or does not give it. */
function absence(error: unknown, name: string, reference: string): unknown {
  if (!(error instanceof RegistryError)) return error;
  const { code } = error.details;
  const short = familiarName(name);
  const words =
    code === 'DENIED'
      ? `pull access denied for ${short}, repository does not exist or may require 'docker login'`
      : code === 'MANIFEST_UNKNOWN'
        ? `manifest for ${short}${isDigest(reference) ? '@' : ':'}${reference} not found`
        : code === 'NAME_UNKNOWN'
          ? `repository ${short} not found`
          : undefined;
  if (words === undefined) return error;
  return new RegistryError('not-found', `${words}: ${error.message}`, { ...error.details, cause: error });
}

/** A layer of a manifest that says itself where it is. */
async function fetchForeign(
  { transport, host, signal }: Reach,
  place: string,
  headers: Readonly<Record<string, string>>,
) {
  if (!/^https?:\/\//.test(place)) throw fail('internal', `unsupported URL of a foreign layer: ${place}`);
  const answer = await transport.send(place, { headers, sentBy: `https://${host}`, signal });
  if (answer.status >= 400) throw await failOf(answer);
  return answer;
}

/** A blob from the mirrors, the registry itself, or from where a foreign layer says that it is. */
function readBlob(
  reach: Reach,
  descriptor: Descriptor & { readonly urls?: readonly string[] },
  options: { offset?: number; onRetry?: (waitSeconds: number) => void },
): AsyncIterable<Uint8Array> {
  const { path, scopes } = reach;
  const url = `/v2/${path}/blobs/${descriptor.digest}`;
  const accept = [416];
  const mirrors = reach.mirrors().map(
    (open): Source =>
      async (headers) =>
        (await open()).ask(url, { headers, scopes, accept }),
  );
  const itself: Source = async (headers) => (await reach.origin()).ask(url, { headers, scopes, accept });
  const foreign = (descriptor.urls ?? []).map(
    (place): Source =>
      (headers) =>
        fetchForeign(reach, place, headers),
  );
  const sources = [...mirrors, itself, ...foreign];
  let current = 0;
  const request: Source = (headers) => (sources[current] ?? itself)(headers);
  const turn = (error: unknown): boolean => {
    // The registry itself is worth another try before others than it are asked.
    if (current >= sources.length - 1 || (current >= mirrors.length && passes(error))) return false;
    current += 1;
    return true;
  };
  return download({ ...reach, request, turn }, descriptor, options);
}

async function mountBlob(reach: Reach, digest: string, from: string): Promise<boolean> {
  const { path, scopes } = reach;
  const query = new URLSearchParams({ mount: digest, from });
  const answer = await reach.ask(`/v2/${path}/blobs/uploads/?${query}`, {
    method: 'POST',
    headers: { 'Content-Length': '0' },
    body: '',
    scopes: [...scopes, `repository:${from}:pull`],
  });
  await answer.discard();
  if (answer.status === 201) return true;
  // It began an upload instead, for which there may be no need.
  const endpoint = await reach.origin();
  await endpoint.ask(locationOf(answer), { method: 'DELETE', scopes, accept: [404, 405] }).then(
    (ended) => ended.discard(),
    () => undefined,
  );
  return false;
}

/** One repository of one registry. */
export function openRepository(name: string, reach: Reach): Repository {
  const { path, scopes } = reach;
  const manifestUrl = (reference: string) => `/v2/${path}/manifests/${reference}`;
  const headers = { Accept: manifestAccept };

  async function manifest(reference: string): Promise<FetchedManifest> {
    try {
      return await reach.anywhere(async (endpoint) =>
        readManifest(await endpoint.ask(manifestUrl(reference), { headers, scopes }), reference),
      );
    } catch (error) {
      throw absence(error, name, reference);
    }
  }

  async function headManifest(reference: string): Promise<Descriptor | undefined> {
    const answer = await reach.ask(manifestUrl(reference), { method: 'HEAD', headers, accept: [404] });
    await answer.discard();
    if (answer.status === 404) return undefined;
    const descriptor = headDescriptor(answer);
    if (descriptor !== undefined) return descriptor;
    return (await readManifest(await reach.ask(manifestUrl(reference), { headers }), reference)).descriptor;
  }

  async function putManifest(reference: string, mediaType: string, content: Uint8Array): Promise<void> {
    const request = { method: 'PUT', headers: { 'Content-Type': mediaType }, body: content };
    await (await reach.ask(manifestUrl(reference), request)).discard();
  }

  async function headBlob(digest: string): Promise<{ sizeBytes: number } | undefined> {
    const answer = await reach.ask(`/v2/${path}/blobs/${digest}`, { method: 'HEAD', accept: [404] });
    await answer.discard();
    return answer.status === 404 ? undefined : { sizeBytes: Number(answer.headers.get('content-length') ?? 0) };
  }

  const remove = async (url: string) => (await reach.ask(url, { method: 'DELETE' })).discard();
  return {
    name,
    manifest,
    headManifest,
    putManifest,
    deleteManifest: (digest) => remove(manifestUrl(digest)),
    tags: () => listTags(reach),
    referrers: (digest, artifactType) => listReferrers(reach, digest, artifactType),
    blob: (descriptor, options = {}) => readBlob(reach, descriptor, options),
    headBlob,
    mountBlob: (digest, from) => mountBlob(reach, digest, from),
    uploadBlob: async (upload) => uploadBlob({ ...reach, endpoint: await reach.origin() }, upload),
    deleteBlob: (digest) => remove(`/v2/${path}/blobs/${digest}`),
  };
}
