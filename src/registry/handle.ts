import type { Call, Endpoint, Route, Services } from './call.ts';
import { blobs } from './endpoints/blobs.ts';
import { base, catalog, referrers, tags } from './endpoints/discovery.ts';
import { manifests } from './endpoints/manifests.ts';
import { upload, uploads } from './endpoints/uploads.ts';
import { failureResponse, refuse } from './failures.ts';
import { isRepositoryName } from './names.ts';
import type { Authorize, Grants, Guard, Locate, Need } from './types.ts';

/** The first that fits takes a request: `blobs/uploads` is no blob. */
const routes: readonly Route[] = [base, catalog, uploads, upload, blobs, manifests, tags, referrers];

interface Found {
  readonly route: string;
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
    return { route: route.name, endpoint, repository, reference: decoded(reference) };
  }
  throw refuse('UNSUPPORTED', 'there is nothing at this path', { status: 404 });
}

/** `repository` is the one that is meant. */
function checkGrants(grants: Grants, { endpoint, repository: calledName }: Found, repository: string): void {
  const name = calledName === repository ? { repository } : { repository, calledName };
  const asked: Need[] = endpoint.needs.map((action) => ({ action, ...(repository === '' ? {} : name) }));
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

/** The repository that a request means. */
function locate({ upstream }: Services, { endpoint, repository }: Found, request: Request, query: URLSearchParams) {
  if (upstream === undefined || !isRepositoryName(repository)) return repository;
  const isRead = endpoint.needs.every((action) => action === 'pull');
  if (!isRead) return upstream.locate(repository, { namespace: null, isSought: false });
  // Whoever pushes asks with HEAD which blobs are here, and means here.
  const isSought = request.method === 'GET' || !new URL(request.url).pathname.includes('/blobs/');
  return upstream.locate(repository, { namespace: query.get('ns'), isSought });
}

function checkUpstream({ upstream }: Services, { needs }: Endpoint, repository: string): void {
  const host = needs.includes('push') ? upstream?.hostOf(repository) : undefined;
  if (host !== undefined) throw refuse('DENIED', `the repository is a cache of ${host}: push to another one`);
}

interface Asked {
  readonly request: Request;
  readonly url: URL;
  readonly address: string;
}

async function answer(services: Services, guard: Guard, found: Found, asked: Asked): Promise<Response> {
  const { endpoint, reference } = found;
  const { request, url, address } = asked;
  if (services.upstream?.isOwn(request)) throw refuse('UNSUPPORTED', 'the registry is its own upstream');
  const repository = locate(services, found, request, url.searchParams);
  const grants = await guard.authorize(request, { address });
  checkGrants(grants, found, repository);
  if (repository !== '' && !isRepositoryName(repository)) {
    throw refuse('NAME_INVALID', 'invalid repository name', { detail: { name: repository } });
  }
  if (endpoint.changes && services.policy().readOnly) throw refuse('UNSUPPORTED', 'the registry is read-only');
  checkUpstream(services, endpoint, repository);
  const call: Call = { request, query: url.searchParams, repository, reference, grants };
  return endpoint.handle(services, call);
}

/** The registry as a function from requests to answers; failures are answers too. The guard is asked for at each request. */
export function createHandler(services: Services, guard: () => Guard) {
  const locateRead: Locate = (name) => services.upstream?.locate(name, { namespace: null, isSought: true }) ?? name;
  return async (request: Request, address: string): Promise<Response> => {
    const startedAt = performance.now();
    const labels = { method: 'other', route: 'none' };
    const { authorize, token } = guard();
    let response: Response;
    try {
      // What the Host header holds is a part of it.
      if (!URL.canParse(request.url)) throw refuse('UNSUPPORTED', 'the Host header names no host', { status: 400 });
      const url = new URL(request.url);
      if (token !== undefined && url.pathname === '/token') {
        labels.route = 'token';
        response = await token(request, locateRead);
      } else {
        const found = find(request.method, url.pathname);
        [labels.method, labels.route] = [request.method, found.route];
        response = await answer(services, { authorize }, found, { request, url, address });
      }
    } catch (error) {
      response = failureResponse(error);
    }
    response.headers.set('Docker-Distribution-Api-Version', 'registry/2.0');
    services.metrics.request({ ...labels, code: String(response.status) }, (performance.now() - startedAt) / 1000);
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
