import { errorKinds, kindOf, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { ApiRequest, ApiResponse } from './exchange.ts';
import { empty, json } from './exchange.ts';
import { Query } from './query.ts';
import { RequestMetrics } from './request-metrics.ts';
import { createRouter } from './router.ts';
import type { Features } from './routes.ts';
import { routes } from './routes.ts';
import type { Listener, ServeOptions } from './transport/listen.ts';
import { listen } from './transport/listen.ts';
import { negotiate, newestVersion, VersionTooOld } from './version.ts';

/** The Engine API of one engine. */
export interface Api {
  /** Answers one request. Never rejects: every error is an answer. */
  handle(request: ApiRequest): Promise<ApiResponse>;
  /** What the API measured of its requests, in Prometheus's format. */
  metrics(): string;
  /** Serves on `unix:///path`, `tcp://ip:port` or `fd://`. */
  listen(host: string, options?: ServeOptions): Promise<Listener>;
}

/** The answer to a thrown error: its kind's status and Docker's `{"message": …}`. */
export function errorResponse(error: unknown): ApiResponse {
  if (error instanceof VersionTooOld) {
    const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };
    return { status: 400, headers, body: `${error.message}\n` };
  }
  const { status } = errorKinds[kindOf(error)];
  return status === 304 ? empty(304) : json({ message: messageOf(error) }, status);
}

function logInternal(request: ApiRequest, error: unknown): void {
  if (kindOf(error) !== 'internal' || error instanceof VersionTooOld) return;
  log('error', 'request failed', {
    method: request.method,
    target: request.target,
    error: messageOf(error),
    stack: error instanceof Error && error.name !== 'EstibaError' ? error.stack : undefined,
  });
}

function withHeaders(response: ApiResponse, headers: Record<string, string>): ApiResponse {
  // A hijacked answer keeps its own headers first, as clients read them in Docker's order.
  return {
    ...response,
    headers: response.hijack || response.upgrade ? { ...response.headers } : { ...headers, ...response.headers },
  };
}

function decodePath(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Where Docker sends a client whose path holds `//`, `.` or `..`: to the same path without them. Undefined when it holds none.
 */
function redirection(path: string, query: string): ApiResponse | undefined {
  if (!/\/(?:\/|\.\.?(?:\/|$))/.test(path)) return undefined;
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(encodeURI(part).replace(/[?#]/g, encodeURIComponent));
  }
  const end = path.endsWith('/') && kept.length > 0 ? '/' : '';
  return { status: 301, headers: { Location: `/${kept.join('/')}${end}${query}` }, body: '' };
}

/** Puts the API together over the features. Nothing listens until `listen` is called. */
export function createApi(features: Features): Api {
  const find = createRouter(routes(features));
  const identity = {
    'Api-Version': newestVersion,
    'Docker-Experimental': 'false',
    Ostype: 'linux',
    Server: `Estiba/${features.system.version} (linux)`,
  };
  const requests = new RequestMetrics();
  const notFound = json({ message: 'page not found' }, 404);

  async function dispatch(request: ApiRequest, noteRoute: (route: string) => void): Promise<ApiResponse> {
    const question = request.target.indexOf('?');
    const path = decodePath(question === -1 ? request.target : request.target.slice(0, question));
    const moved =
      path === undefined ? undefined : redirection(path, question === -1 ? '' : request.target.slice(question));
    if (moved !== undefined) return moved;
    const versioned = path === undefined ? null : /^\/v([0-9.]+)(\/.*)$/s.exec(path);
    const bare = versioned?.[2] ?? path ?? '';
    if (request.method === 'OPTIONS') return withHeaders(empty(200), identity);
    const match = find(request.method, bare);
    if (match === undefined) return notFound;
    noteRoute(match.route);
    const version = negotiate(versioned?.[1]);
    const query = new Query(question === -1 ? '' : request.target.slice(question + 1));
    const call = { ...request, name: match.name, query, version };
    return withHeaders(await match.endpoint(call), identity);
  }

  async function answer(request: ApiRequest, noteRoute: (route: string) => void): Promise<ApiResponse> {
    try {
      return await dispatch(request, noteRoute);
    } catch (error) {
      logInternal(request, error);
      return withHeaders(errorResponse(error), identity);
    }
  }

  async function handle(request: ApiRequest): Promise<ApiResponse> {
    const begun = performance.now();
    let route = '';
    const response = await answer(request, (found) => {
      route = found;
    });
    const seconds = (performance.now() - begun) / 1000;
    const { method, target } = request;
    requests.observe(/^[A-Z]{1,7}$/.test(method) ? method : 'other', route, response.status, seconds);
    log('debug', 'request', { method, target, status: response.status, seconds: Number(seconds.toFixed(6)) });
    return response;
  }

  return { handle, metrics: () => requests.text(), listen: (host, options) => listen(host, handle, options) };
}
