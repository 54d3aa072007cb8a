import { type Call, locationOf, type Route, type Services } from '../call.ts';
import { refuse } from '../failures.ts';
import { algorithmOf, contentDigest, isContentDigest, isRepositoryName } from '../names.ts';
import { type Chunk, type ChunkRange, uploadHeaders } from '../uploads.ts';

function rangeOf(request: Request): ChunkRange | undefined {
  const text = request.headers.get('Content-Range');
  if (text === null) return undefined;
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\*|\d+))?$/.exec(text.trim());
  const range = { first: Number(match?.[1]), last: Number(match?.[2]) };
  if (match === null || range.last < range.first) throw refuse('BLOB_UPLOAD_INVALID', `invalid Content-Range: ${text}`);
  return range;
}

/** The body of a request as it comes; it fails where the client goes away. */
function chunkOf({ metrics }: Services, { request, query }: Call): Chunk {
  const range = rangeOf(request);
  const length = request.headers.get('Content-Length');
  const digest = query.get('digest');
  return {
    body: request.body,
    onWritten: (bytes) => metrics.received(bytes),
    algorithm: digest === null ? 'sha256' : algorithmOf(digest),
    ...(range === undefined ? {} : { range }),
    ...(length === null ? {} : { lengthBytes: Number(length) }),
  };
}

function hasBody(request: Request): boolean {
  return Number(request.headers.get('Content-Length') ?? 0) > 0 || request.headers.has('Transfer-Encoding');
}

function digestOf({ query }: Call): string | undefined {
  const digest = query.get('digest');
  if (digest === null) return undefined;
  if (!isContentDigest(digest)) {
    throw refuse('DIGEST_INVALID', 'provided digest is not one of sha256 or sha512', { detail: { digest } });
  }
  return digest;
}

function created(repository: string, digest: string): Response {
  const headers = { Location: locationOf(repository, 'blobs', digest), 'Docker-Content-Digest': digest };
  return new Response(null, { status: 201, headers });
}

/** Links a blob that another repository has, if the caller may read it there; false leads to an upload. */
function mount({ storage }: Services, { repository, query, grants }: Call): string | undefined {
  const digest = query.get('mount');
  if (digest === null || !isContentDigest(digest)) return undefined;
  const { catalogue, content, leases } = storage;
  const named = query.get('from');
  const mayRead = (source: string): boolean => grants.allows({ action: 'pull', repository: source });
  const has = (source: string): boolean => isRepositoryName(source) && catalogue.hasBlob(source, digest);
  const sources = named === null ? catalogue.repositoriesOf(digest) : [named];
  if (!sources.some((source) => has(source) && mayRead(source)) || content.sizeBytes(digest) === undefined)
    return undefined;
  catalogue.linkBlob(repository, digest);
  leases.take(repository, digest);
  return digest;
}

async function start(services: Services, call: Call): Promise<Response> {
  const { repository, request } = call;
  const { uploads } = services.storage;
  const mounted = mount(services, call);
  if (mounted !== undefined) {
    await services.storage.catalogue.sync();
    return created(repository, mounted);
  }
  const digest = digestOf(call);
  const id = uploads.create(repository);
  const isWhole =
    digest !== undefined && (hasBody(request) || digest === contentDigest(new Uint8Array(), algorithmOf(digest)));
  if (!isWhole) {
    return new Response(null, { status: 202, headers: { ...uploadHeaders(repository, id, 0), 'Content-Length': '0' } });
  }
  try {
    await uploads.append(repository, id, chunkOf(services, call));
    await uploads.finish(repository, id, digest);
  } catch (error) {
    // Nobody has been told of it, so nobody will go on with it.
    uploads.discard(id);
    throw error;
  }
  return created(repository, digest);
}

async function append(services: Services, call: Call): Promise<Response> {
  const { repository, reference: id } = call;
  const offset = await services.storage.uploads.append(repository, id, chunkOf(services, call));
  return new Response(null, { status: 202, headers: uploadHeaders(repository, id, offset) });
}

async function finish(services: Services, call: Call): Promise<Response> {
  const { repository, reference: id, request } = call;
  const { storage } = services;
  storage.uploads.offset(repository, id);
  const digest = digestOf(call);
  if (digest === undefined) throw refuse('DIGEST_INVALID', 'the digest of the blob is missing');
  if (hasBody(request) || request.headers.has('Content-Range')) {
    await storage.uploads.append(repository, id, chunkOf(services, call));
  }
  await storage.uploads.finish(repository, id, digest);
  return created(repository, digest);
}

function status({ storage }: Services, { repository, reference: id }: Call): Response {
  const offset = storage.uploads.offset(repository, id);
  return new Response(null, { status: 204, headers: uploadHeaders(repository, id, offset) });
}

function cancel({ storage }: Services, { repository, reference: id }: Call): Response {
  storage.uploads.cancel(repository, id);
  return new Response(null, { status: 204 });
}

/** Where a push of a blob begins: with an upload, with all of it at once, or with a blob that is here already. */
export const uploads: Route = {
  name: 'uploads',
  path: /^\/v2\/(?<repository>.+)\/blobs\/uploads\/?$/,
  methods: { POST: { needs: ['pull', 'push'], changes: true, handle: start } },
};

/** An upload that goes on. */
export const upload: Route = {
  name: 'upload',
  path: /^\/v2\/(?<repository>.+)\/blobs\/uploads\/(?<reference>[^/]+)$/,
  methods: {
    GET: { needs: ['push'], handle: status },
    HEAD: { needs: ['push'], handle: status },
    PATCH: { needs: ['push'], changes: true, handle: append },
    PUT: { needs: ['push'], changes: true, handle: finish },
    DELETE: { needs: ['push'], changes: true, handle: cancel },
  },
};
