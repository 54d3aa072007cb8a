import { isIndexType, isTag, parseIndex } from '#oci';
import { type Call, locationOf, type Route, type Services } from '../call.ts';
import type { ManifestRecord } from '../catalogue.ts';
import { refuse } from '../failures.ts';
import { type CheckedManifest, checkManifest, manifestLimitBytes } from '../manifest-check.ts';
import { algorithmOf, contentDigest, isContentDigest } from '../names.ts';

function checkReference(reference: string): { tag?: string; digest?: string } {
  if (isContentDigest(reference)) return { digest: reference };
  if (reference.includes(':')) throw refuse('DIGEST_INVALID', 'provided digest is not one of sha256 or sha512');
  if (!isTag(reference)) throw refuse('TAG_INVALID', 'invalid tag', { detail: { tag: reference } });
  return { tag: reference };
}

function unknown({ storage }: Services, repository: string, detail: Record<string, string>): Error {
  if (!storage.catalogue.hasRepository(repository)) {
    return refuse('NAME_UNKNOWN', 'repository name not known to registry', { detail: { name: repository } });
  }
  return refuse('MANIFEST_UNKNOWN', 'manifest unknown', { detail });
}

/** The media types that a client takes; undefined when it takes any. */
function accepted(request: Request): Set<string> | undefined {
  const types = (request.headers.get('Accept') ?? '*/*')
    .split(',')
    .map((part) => part.split(';', 1)[0]?.trim().toLowerCase() ?? '');
  const takesAny = types.some((type) => type === '*/*' || type === 'application/*' || type === 'application/json');
  return takesAny ? undefined : new Set(types);
}

/** The image for linux/amd64, for clients that know no lists of platforms. */
function usualImage({ storage }: Services, repository: string, index: ManifestRecord): ManifestRecord | undefined {
  const { manifests } = parseIndex(storage.catalogue.content(index.digest) ?? new Uint8Array());
  const usual = manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64');
  return usual === undefined ? undefined : storage.catalogue.manifest(repository, usual.digest);
}

function choose(
  services: Services,
  { request, repository }: Call,
  stored: ManifestRecord,
  isByTag: boolean,
): ManifestRecord {
  const types = accepted(request);
  if (types === undefined || types.has(stored.mediaType)) return stored;
  if (isByTag && isIndexType(stored.mediaType)) {
    const usual = usualImage(services, repository, stored);
    if (usual !== undefined && types.has(usual.mediaType)) return usual;
  }
  throw refuse('MANIFEST_UNKNOWN', `the manifest is of type ${stored.mediaType}, which the request does not accept`);
}

function find({ storage: { catalogue } }: Services, repository: string, reference: string): string | undefined {
  const { tag, digest = '' } = checkReference(reference);
  return tag === undefined ? catalogue.manifest(repository, digest)?.digest : catalogue.tagged(repository, tag);
}

async function get(services: Services, call: Call): Promise<Response> {
  const { repository, reference, request } = call;
  const { catalogue, leases } = services.storage;
  await services.upstream?.refreshManifest(repository, reference, find(services, repository, reference));
  const digest = find(services, repository, reference);
  const stored = digest === undefined ? undefined : catalogue.manifest(repository, digest);
  if (stored === undefined) throw unknown(services, repository, { reference });
  const chosen = choose(services, call, stored, digest !== reference);
  leases.take(repository, chosen.digest);
  const headers = {
    'Content-Type': chosen.mediaType,
    'Content-Length': String(chosen.sizeBytes),
    'Docker-Content-Digest': chosen.digest,
    ETag: `"${chosen.digest}"`,
  };
  const { ETag, 'Docker-Content-Digest': its } = headers;
  if (request.headers.get('If-None-Match') === ETag) {
    return new Response(null, { status: 304, headers: { ETag, 'Docker-Content-Digest': its } });
  }
  const content = request.method === 'HEAD' ? null : catalogue.content(chosen.digest);
  return new Response(content ?? null, { headers });
}

async function read(request: Request): Promise<Uint8Array> {
  const tooLarge = refuse('SIZE_INVALID', `a manifest may have ${manifestLimitBytes} bytes`, { status: 413 });
  if (Number(request.headers.get('Content-Length') ?? 0) > manifestLimitBytes) throw tooLarge;
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    sizeBytes += piece.length;
    if (sizeBytes > manifestLimitBytes) throw tooLarge;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** All that it names must be in the repository; only its subject need not be. */
function checkChildren({ storage }: Services, repository: string, { blobs, manifests }: CheckedManifest): void {
  const { catalogue, content } = storage;
  for (const { digest, size, isForeign } of blobs) {
    const sizeBytes = catalogue.hasBlob(repository, digest) ? content.sizeBytes(digest) : undefined;
    if (sizeBytes === undefined && isForeign) continue;
    if (sizeBytes === undefined) {
      throw refuse('MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry', { detail: { digest } });
    }
    if (sizeBytes !== size) {
      throw refuse('MANIFEST_INVALID', `manifest invalid: ${digest} has ${sizeBytes} bytes, not ${size}`);
    }
  }
  for (const { digest } of manifests) {
    if (catalogue.manifest(repository, digest) === undefined) {
      throw refuse('MANIFEST_BLOB_UNKNOWN', 'manifest unknown to registry', { detail: { digest } });
    }
  }
}

async function put(services: Services, { request, repository, reference }: Call): Promise<Response> {
  const { tag, digest: told } = checkReference(reference);
  const content = await read(request);
  const checked = checkManifest(content, request.headers.get('Content-Type'));
  const digest = contentDigest(content, algorithmOf(told ?? ''));
  if (told !== undefined && told !== digest) {
    throw refuse('DIGEST_INVALID', 'provided digest did not match uploaded content', { detail: { digest: told } });
  }
  // From here to the record nothing waits: no collection of garbage comes between.
  checkChildren(services, repository, checked);
  services.storage.catalogue.putManifest(repository, { ...checked, digest }, tag);
  await services.storage.catalogue.sync();
  const headers = {
    Location: locationOf(repository, 'manifests', digest),
    'Docker-Content-Digest': digest,
    ...(checked.subject === undefined ? {} : { 'OCI-Subject': checked.subject }),
  };
  return new Response(null, { status: 201, headers });
}

function remove(services: Services, { repository, reference }: Call): Response {
  const { catalogue } = services.storage;
  const { tag, digest = '' } = checkReference(reference);
  if (tag !== undefined) {
    if (!catalogue.deleteTag(repository, tag)) throw unknown(services, repository, { tag });
    return new Response(null, { status: 202 });
  }
  const parent = catalogue.namedBy(repository, digest);
  if (parent !== undefined)
    throw refuse('UNSUPPORTED', `the manifest is part of the index ${parent}: delete that first`);
  if (!catalogue.deleteManifest(repository, digest)) throw unknown(services, repository, { digest });
  return new Response(null, { status: 202 });
}

/** Manifests and indexes, by tag or digest. */
export const manifests: Route = {
  name: 'manifests',
  path: /^\/v2\/(?<repository>.+)\/manifests\/(?<reference>[^/]+)$/,
  methods: {
    GET: { needs: ['pull'], handle: get },
    HEAD: { needs: ['pull'], handle: get },
    PUT: { needs: ['push'], changes: true, handle: put },
    DELETE: { needs: ['delete'], changes: true, handle: remove },
  },
};
