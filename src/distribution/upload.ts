import { Digester } from '#oci';
import { fail } from '#std/errors';
import type { Endpoint, RegistryAsk } from './endpoint.ts';
import { passes, RegistryError } from './failure.ts';
import { backOffMs, pause } from './retry.ts';
import type { Answer } from './transport.ts';
import type { BlobUpload } from './types.ts';

/** What an upload needs. */
export interface UploadTarget {
  readonly endpoint: Endpoint;
  /** `library/busybox`. */
  readonly path: string;
  readonly scopes: readonly string[];
  readonly attempts: number;
  readonly firstMs: number;
  readonly signal: AbortSignal;
}

/** Where an upload goes on: its URL, and how much the registry has. */
interface Session {
  readonly location: string;
  readonly offset: number;
}

/** Answers after which an upload has to begin anew: the registry forgot it, or has got to another place. */
const restarts = [404, 416];

/** A registry may have to move, or hash, all of a blob before it answers. */
const commitMs = 10 * 60_000;

/** Codes of refusals that no other try changes; any other 403 may be of something on the way, and pass. */
const refusals = ['DENIED', 'UNAUTHORIZED', 'UNSUPPORTED', 'NAME_UNKNOWN', 'TOOMANYREQUESTS'];

function mayPass(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  const { status, code = '' } = error.details;
  return passes(error) || (status === 403 && !refusals.includes(code.toUpperCase()));
}

const binary = { 'Content-Type': 'application/octet-stream' };

/** The URL of an answer's Location, which may be relative; the query belongs to it. */
export function locationOf(answer: Answer): string {
  const location = answer.headers.get('location') ?? '';
  if (location === '' || !URL.canParse(location, answer.url)) {
    throw fail('internal', `the registry gave no usable Location for the upload: ${JSON.stringify(location)}`);
  }
  return new URL(location, answer.url).href;
}

/** The end of what the registry has: `0-99` is a hundred bytes. */
function offsetOf(answer: Answer): number {
  const last = /^(?:bytes=)?0-(\d+)$/.exec(answer.headers.get('range') ?? '')?.[1];
  // Distribution's registry writes `0-0` for nothing as well as for one byte.
  return last === undefined || last === '0' ? 0 : Number(last) + 1;
}

function withDigest(location: string, digest: string): string {
  // Not by URLSearchParams: the rest of the query stays as the registry wrote it.
  return `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
}

async function begin({ endpoint, path, scopes }: UploadTarget): Promise<Session> {
  const headers = { 'Content-Length': '0' };
  const answer = await endpoint.ask(`/v2/${path}/blobs/uploads/`, { method: 'POST', scopes, headers, body: '' });
  await answer.discard();
  return { location: locationOf(answer), offset: 0 };
}

/** How far a broken upload came; a new one when the registry has forgotten it. */
async function resume(target: UploadTarget, { location }: Session): Promise<Session> {
  const answer = await target.endpoint.ask(location, { scopes: target.scopes, accept: [404, 405] });
  await answer.discard();
  if (answer.status !== 204) return begin(target);
  return { location: answer.headers.has('location') ? locationOf(answer) : location, offset: offsetOf(answer) };
}

/** What is sent, and how it went with reading it. */
interface Reading {
  readonly digester: Digester;
  /** What the source itself failed with: no other try mends that. */
  failure?: unknown;
}

/** The source from `offset` on, all of it hashed on the way. */
async function* from(upload: BlobUpload, offset: number, reading: Reading): AsyncIterable<Uint8Array> {
  let skip = offset;
  try {
    for await (const chunk of upload.open()) {
      reading.digester.update(chunk);
      if (skip >= chunk.length) skip -= chunk.length;
      else {
        yield skip > 0 ? chunk.subarray(skip) : chunk;
        skip = 0;
      }
    }
  } catch (error) {
    reading.failure = error;
    throw error;
  }
}

/** Sends what the registry does not have yet, and names it. */
async function finish(target: UploadTarget, session: Session, upload: BlobUpload) {
  const { endpoint, scopes } = target;
  const { digest, sizeBytes } = upload;
  let reading: Reading = { digester: new Digester() };
  const body = () => {
    reading = { digester: new Digester() };
    return from(upload, session.offset, reading);
  };
  const send = async (url: string, request: Omit<RegistryAsk, 'scopes'>): Promise<Answer> => {
    try {
      const answer = await endpoint.ask(url, { ...request, scopes, idleMs: commitMs });
      await answer.discard();
      return answer;
    } catch (error) {
      throw reading.failure ?? error;
    }
  };
  if (digest !== undefined && sizeBytes !== undefined && session.offset === 0) {
    const headers = { ...binary, 'Content-Length': String(sizeBytes) };
    await send(withDigest(session.location, digest), { method: 'PUT', headers, body });
    return { digest, sizeBytes };
  }
  const range = sizeBytes === undefined ? {} : rangeHeaders(session.offset, sizeBytes);
  const rest = sizeBytes === undefined || sizeBytes > session.offset;
  const patched = rest
    ? await send(session.location, { method: 'PATCH', headers: { ...binary, ...range }, body })
    : undefined;
  if (!rest) for await (const _ of body());
  const { digester } = reading;
  const found = { digest: digest ?? digester.finish(), sizeBytes: digester.sizeBytes };
  const location = patched === undefined ? session.location : locationOf(patched);
  await send(withDigest(location, found.digest), { method: 'PUT', headers: { 'Content-Length': '0' }, body: '' });
  return found;
}

function rangeHeaders(offset: number, sizeBytes: number): Record<string, string> {
  return { 'Content-Length': String(sizeBytes - offset), 'Content-Range': `${offset}-${sizeBytes - 1}` };
}

/** Sends a blob; one that breaks off goes on where the registry has got to. */
export async function uploadBlob(target: UploadTarget, upload: BlobUpload) {
  let session: Session | undefined;
  for (let failures = 0; ; ) {
    try {
      session = session === undefined ? await begin(target) : await resume(target, session);
      return await finish(target, session, upload);
    } catch (error) {
      failures += 1;
      const forgotten = error instanceof RegistryError && restarts.includes(error.details.status ?? 0);
      if (!(mayPass(error) || (forgotten && session !== undefined)) || failures >= target.attempts) throw error;
      if (forgotten) session = undefined;
      const waitMs = backOffMs(failures, target.firstMs, error);
      upload.onRetry?.(Math.ceil(waitMs / 1000));
      await pause(waitMs, target.signal);
    }
  }
}
