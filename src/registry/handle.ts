import type { Call, Endpoint, Route, Services } from './call.ts';
import { blobs } from './endpoints/blobs.ts';
import { base, catalog, referrers, tags } from './endpoints/discovery.ts';
import { manifests } from './endpoints/manifests.ts';
import { upload, uploads } from './endpoints/uploads.ts';
import { failureResponse, refuse } from './failures.ts';
import { isRepositoryName } from './names.ts';
import type { Authorize, Grants, Need } from './types.ts';

/** The first that fits takes a request: `blobs/uploads` is no blob. */
const routes: readonly Route[] = [base, catalog, uploads, upload, blobs, manifests, tags, referrers];

interface Found {
  readonly endpoint: Endpoint;
  readonly repository: string;
  readonly reference: string;
}

/** A colon may come as `%3A`; what cannot be decoded is no reference, which whoever checks it will say. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function find(method: string, path: string): Found {
  for (const route of routes) {
    const match = route.path.exec(path);
    if (match === null) continue;
    const endpoint = route.methods[method];
    if (endpoint === undefined) {
      const Allow = Object.keys(route.methods).join(', ');
      throw refuse('UNSUPPORTED', 'the operation is unsupported', { headers: { Allow } });
    }
    const { repository = '', reference = '' } = match.groups ?? {};
    return { endpoint, repository, reference: decoded(reference) };
  }
  throw refuse('UNSUPPORTED', 'there is nothing at this path', { status: 404 });
}

function checkGrants(grants: Grants, { endpoint, repository }: Found): void {
  const asked: Need[] = endpoint.needs.map((action) => ({ action, ...(repository === '' ? {} : { repository }) }));
  // At the door there is nothing to be had, but who may come in is asked there.
  const needs: Need[] = asked.length === 0 ? [{ action: 'pull' }] : asked;
  const missing = needs.filter((need) => !grants.allows(need));
  if (missing.length === 0) return;
  const challenge = grants.challenge(needs);
  if (challenge !== undefined) {
    const headers = { 'WWW-Authenticate': challenge };
    throw refuse('UNAUTHORIZED', 'authentication required', { detail: missing, headers });
  }
  throw refuse('DENIED', 'requested access to the resource is denied', { detail: missing });
}

async function answer(services: Services, authorize: Authorize, request: Request, address: string): Promise<Response> {
  // What the Host header holds is a part of it.
  if (!URL.canParse(request.url)) throw refuse('UNSUPPORTED', 'the Host header names no host', { status: 400 });
  const { pathname, searchParams } = new URL(request.url);
  const found = find(request.method, pathname);
  const { endpoint, repository, reference } = found;
  const grants = await authorize(request, { address });
  checkGrants(grants, found);
  if (repository !== '' && !isRepositoryName(repository)) {
    throw refuse('NAME_INVALID', 'invalid repository name', { detail: { name: repository } });
  }
  if (endpoint.changes && services.policy.readOnly) throw refuse('UNSUPPORTED', 'the registry is read-only');
  const call: Call = { request, query: searchParams, repository, reference, grants };
  return endpoint.handle(services, call);
}

/** The registry as a function from requests to answers; failures are answers too. */
export function createHandler(
  services: Services,
  authorize: Authorize,
  token?: (request: Request) => Promise<Response>,
) {
  return async (request: Request, address: string): Promise<Response> => {
    if (token !== undefined && new URL(request.url).pathname === '/token') return token(request);
    let response: Response;
    try {
      response = await answer(services, authorize, request, address);
    } catch (error) {
      response = failureResponse(error);
    }
    response.headers.set('Docker-Distribution-Api-Version', 'registry/2.0');
    return response;
  };
}

/** Whoever asks may do anything: a registry without users. */
export const allowAll: Authorize = () => ({
  user: '',
  allows: () => true,
  sees: () => true,
  challenge: () => undefined,
});
