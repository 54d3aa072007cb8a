import type { Call, Route, Services } from '../call.ts';
import { refuse } from '../failures.ts';
import { isContentDigest } from '../names.ts';
import { rangeOf } from '../range.ts';

function checkDigest(digest: string): void {
  if (isContentDigest(digest)) return;
  throw refuse('DIGEST_INVALID', 'provided digest is not one of sha256 or sha512', { detail: { digest } });
}

function unknown(digest: string): Error {
  return refuse('BLOB_UNKNOWN', 'blob unknown to registry', { detail: { digest } });
}

function headersOf(digest: string): Record<string, string> {
  return {
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
    'Cache-Control': 'max-age=31536000',
    'Accept-Ranges': 'bytes',
  };
}

/** The size of a blob that the repository has, which is promised to stay for a while. */
function held({ storage }: Services, repository: string, digest: string): number | undefined {
  if (!storage.catalogue.hasBlob(repository, digest)) return undefined;
  storage.leases.take(repository, digest);
  return storage.content.sizeBytes(digest);
}

async function get(services: Services, { request, repository, reference: digest }: Call): Promise<Response> {
  checkDigest(digest);
  const { upstream } = services;
  let sizeBytes = held(services, repository, digest);
  if (sizeBytes !== undefined) upstream?.noteHit(repository);
  else {
    const answer = await upstream?.openBlob(repository, digest, request);
    if (answer !== undefined) return answer;
    sizeBytes = held(services, repository, digest);
    if (sizeBytes === undefined) throw unknown(digest);
  }
  const headers = headersOf(digest);
  if (request.headers.get('If-None-Match') === headers.ETag) return new Response(null, { status: 304, headers });
  if (request.method === 'HEAD') {
    return new Response(null, { headers: { ...headers, 'Content-Length': String(sizeBytes) } });
  }
  const { start, end } = rangeOf(request, sizeBytes) ?? { start: 0, end: sizeBytes };
  services.metrics.sent(end - start);
  // Ranges are answered by the server itself, which sends a file without it passing through this process.
  return new Response(Bun.file(services.storage.content.path(digest)), { headers });
}

function remove({ storage }: Services, { repository, reference: digest }: Call): Response {
  checkDigest(digest);
  if (!storage.catalogue.hasBlob(repository, digest)) throw unknown(digest);
  const parent = storage.catalogue.namedBy(repository, digest);
  if (parent !== undefined)
    throw refuse('UNSUPPORTED', `the blob is part of the manifest ${parent}: delete that first`);
  storage.catalogue.unlinkBlob(repository, digest);
  return new Response(null, { status: 202, headers: { 'Docker-Content-Digest': digest } });
}

/** Blobs that are there. The file of one that no repository has is left to the collection of garbage. */
export const blobs: Route = {
  name: 'blobs',
  path: /^\/v2\/(?<repository>.+)\/blobs\/(?<reference>[^/]+)$/,
  methods: {
    GET: { needs: ['pull'], handle: get },
    HEAD: { needs: ['pull'], handle: get },
    DELETE: { needs: ['delete'], changes: true, handle: remove },
  },
};
