import { failureResponse, refuse } from '../failures.ts';
import type { Locate } from '../types.ts';
import { basicChallenge } from './challenge.ts';
import { readCredentials } from './credentials.ts';
import { accessSeconds, type OwnTokens } from './own-tokens.ts';
import type { PasswordFile } from './password-file.ts';
import type { RepositoryAction, Rights } from './rights.ts';
import { formatScope, isRepositoryAction, parseScopes, type Scope } from './scope.ts';

const formBytesMax = 64 * 1024;

/** What the endpoint gives tokens by. */
export interface TokenGrounds {
  readonly tokens: OwnTokens;
  readonly passwords: PasswordFile;
  readonly rights: Rights;
  readonly realm: string;
  readonly service: string;
  readonly locate: Locate;
}

interface Asked {
  readonly user: string | undefined;
  /** What is given back beside the token. */
  readonly refreshToken?: string;
}

/** What of the scopes a user may have; nothing is told of the rest. */
function grant({ rights, locate }: TokenGrounds, user: string | undefined, scopes: readonly Scope[]): Scope[] {
  const allows = (name: string, action: RepositoryAction): boolean =>
    rights.allows(user, name, action) || (action === 'pull' && rights.allows(user, locate(name), action));
  return scopes.flatMap((scope) => {
    // What a list of repositories shows is what its reader may pull.
    if (scope.type === 'registry' && scope.name === 'catalog') return [{ ...scope, actions: ['*'] }];
    if (scope.type !== 'repository') return [];
    const wanted = scope.actions.includes('*') ? ['pull', 'push', 'delete'] : scope.actions;
    const actions = wanted.filter((action) => isRepositoryAction(action) && allows(scope.name, action));
    return actions.length === 0 ? [] : [{ ...scope, actions }];
  });
}

/** Reads a form of bounded size. */
async function readForm(request: Request): Promise<URLSearchParams> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of request.body ?? []) {
    sizeBytes += piece.length;
    if (sizeBytes > formBytesMax) throw refuse('SIZE_INVALID', 'the form is too large', { status: 413 });
    pieces.push(piece);
  }
  return new URLSearchParams(Buffer.concat(pieces).toString());
}

function wrong(realm: string): Error {
  const headers = { 'WWW-Authenticate': basicChallenge(realm) };
  return refuse('UNAUTHORIZED', 'incorrect username or password', { headers });
}

/** Who asks by GET: with a name and a password, or nobody (Docker registry token specification). */
async function askedByGet(request: Request, query: URLSearchParams, grounds: TokenGrounds): Promise<Asked> {
  const credentials = readCredentials(request.headers.get('authorization'));
  if (credentials.scheme === 'none') return { user: undefined };
  if (credentials.scheme !== 'basic') throw wrong(grounds.realm);
  const { user, password } = credentials;
  if (!(await grounds.passwords.matches(user, password))) throw wrong(grounds.realm);
  return { user, ...(query.get('offline_token') === 'true' && { refreshToken: grounds.tokens.refresh(user) }) };
}

/** Who asks by POST: with a password or a refresh token (Docker registry OAuth 2.0 specification; RFC 6749). */
async function askedByPost(form: URLSearchParams, grounds: TokenGrounds): Promise<Asked> {
  const kind = form.get('grant_type');
  if (kind === 'refresh_token') {
    const refreshToken = form.get('refresh_token') ?? '';
    const user = grounds.tokens.proveRefresh(refreshToken);
    if (user === undefined) throw refuse('UNAUTHORIZED', 'the refresh token is invalid or has expired');
    return { user, refreshToken };
  }
  if (kind !== 'password') {
    throw refuse('UNSUPPORTED', 'grant_type must be "password" or "refresh_token"', { status: 400 });
  }
  const user = form.get('username') ?? '';
  if (!(await grounds.passwords.matches(user, form.get('password') ?? ''))) throw wrong(grounds.realm);
  return { user, ...(form.get('access_type') === 'offline' && { refreshToken: grounds.tokens.refresh(user) }) };
}

async function answer(request: Request, grounds: TokenGrounds): Promise<Response> {
  const isPost = request.method === 'POST';
  if (!isPost && request.method !== 'GET')
    throw refuse('UNSUPPORTED', 'GET or POST is expected', { headers: { Allow: 'GET, POST' } });
  const parameters = isPost ? await readForm(request) : new URL(request.url).searchParams;
  const service = parameters.get('service');
  if (service !== null && service !== '' && service !== grounds.service) {
    throw refuse('DENIED', `tokens are given for the service ${JSON.stringify(grounds.service)} alone`, {
      status: 400,
    });
  }
  const { user, refreshToken } = isPost
    ? await askedByPost(parameters, grounds)
    : await askedByGet(request, parameters, grounds);
  const scopes = grant(grounds, user, parseScopes(parameters.getAll('scope')));
  const token = grounds.tokens.access(user, scopes);
  const common = { access_token: token, expires_in: accessSeconds, issued_at: new Date().toISOString() };
  const refresh = refreshToken === undefined ? {} : { refresh_token: refreshToken };
  const body = isPost
    ? { ...common, ...refresh, scope: scopes.map(formatScope).join(' ') }
    : { token, ...common, ...refresh };
  return Response.json(body, { headers: { 'Cache-Control': 'no-store' } });
}

/** Serves `/token`: tokens for what each user may do, and refresh tokens in place of passwords. */
export async function serveToken(request: Request, grounds: TokenGrounds): Promise<Response> {
  try {
    return await answer(request, grounds);
  } catch (error) {
    return failureResponse(error);
  }
}
