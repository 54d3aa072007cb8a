import { digestOf } from '#oci';
import { fail } from '#std/errors';
import type { Challenge } from './challenge.ts';
import { errorOfAnswer } from './failure.ts';
import type { Ask, Transport } from './transport.ts';
import type { RegistryCredentials } from './types.ts';

/** What a token server gives (distribution's token authentication; OAuth2's names for the same are taken too). */
export interface Token {
  readonly bearer: string;
  /** To be kept in place of the password; empty when there is none. */
  readonly refresh: string;
  readonly expiresAtMs: number;
}

export interface TokenRequest {
  readonly credentials: RegistryCredentials | undefined;
  /** `repository:library/busybox:pull`. */
  readonly scopes: readonly string[];
  /** Whether a token to be kept in place of the password is wanted. */
  readonly offline?: boolean;
  readonly insecure: boolean;
  /** A URL of the registry whose challenge it is. */
  readonly registry: string;
  readonly signal: AbortSignal;
}

/** Docker's name for itself towards token servers; some know no other. */
const clientId = 'docker';
const answerMaxBytes = 1024 * 1024;
/** What holds where the server does not say (distribution's token specification). */
const presetLifeSeconds = 60;
/** A token may expire on its way. */
const marginMs = 10_000;

/** `Authorization` for a user's name and password. */
export function basicAuthorization({ username = '', password = '' }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function realmOf(challenge: Challenge): URL {
  const realm = challenge.parameters.get('realm') ?? '';
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw fail('internal', `no usable token server in the registry's challenge: ${JSON.stringify(realm)}`);
  }
  return url;
}

function requestOf(challenge: Challenge, request: TokenRequest): { url: string; ask: Ask } {
  const { credentials = {}, scopes, insecure, registry: sentBy, signal } = request;
  const { identitytoken, username = '', password = '' } = credentials;
  const url = realmOf(challenge);
  const service = challenge.parameters.get('service') ?? '';
  const known = username !== '' || password !== '';
  if (url.protocol === 'http:' && !insecure && (known || identitytoken)) {
    throw fail(
      'internal',
      `the token server ${url.origin} would get the credentials unencrypted: its registry is not insecure`,
    );
  }
  if (identitytoken) {
    const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: identitytoken });
    form.set('client_id', clientId);
    form.set('service', service);
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    return { url: url.href, ask: { method: 'POST', headers, body: form.toString(), insecure, sentBy, signal } };
  }
  if (username !== '') url.searchParams.set('account', username);
  if (request.offline === true) {
    url.searchParams.set('client_id', clientId);
    url.searchParams.set('offline_token', 'true');
  }
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (service !== '') url.searchParams.set('service', service);
  const headers = known ? { Authorization: basicAuthorization(credentials) } : {};
  return { url: url.href, ask: { headers, insecure, sentBy, signal } };
}

async function fetchToken(transport: Transport, challenge: Challenge, request: TokenRequest): Promise<Token> {
  const { url, ask } = requestOf(challenge, request);
  const answer = await transport.send(url, ask);
  const text = Buffer.from(await answer.content(answerMaxBytes)).toString();
  if (answer.status !== 200) throw errorOfAnswer(answer.status, answer.statusText, answer.headers, text);
  let said: Partial<Record<'token' | 'access_token' | 'refresh_token' | 'expires_in', unknown>>;
  try {
    said = JSON.parse(text) ?? {};
  } catch {
    throw fail('internal', `unable to decode token response: ${JSON.stringify(text.slice(0, 200))}`);
  }
  const bearer = said.token || said.access_token;
  if (typeof bearer !== 'string' || !/^[!-~]+$/.test(bearer))
    throw fail('internal', 'authorization server did not include a token in the response');
  const lifeSeconds = typeof said.expires_in === 'number' ? said.expires_in : presetLifeSeconds;
  const refresh = typeof said.refresh_token === 'string' ? said.refresh_token : '';
  return { bearer, refresh, expiresAtMs: Date.now() + Math.max(lifeSeconds, presetLifeSeconds) * 1000 - marginMs };
}

/** The tokens of token servers, kept until they expire. */
export interface Tokens {
  /** With `fresh` one that was given before is not good enough. */
  get(challenge: Challenge, request: TokenRequest, fresh?: boolean): Promise<Token>;
}

/** Keeps tokens by who asked whom for what. */
export function createTokens(transport: Transport): Tokens {
  const kept = new Map<string, Token>();

  function sweep(): void {
    for (const [key, { expiresAtMs }] of kept) if (expiresAtMs < Date.now()) kept.delete(key);
  }

  async function get(challenge: Challenge, request: TokenRequest, fresh = false): Promise<Token> {
    const { credentials = {}, scopes, offline = false } = request;
    const { username, password, identitytoken } = credentials;
    const { realm, service } = Object.fromEntries(challenge.parameters);
    const key = digestOf(JSON.stringify([realm, service, scopes, username, password, identitytoken, offline]));
    sweep();
    const known = kept.get(key);
    if (known !== undefined && !fresh) return known;
    const token = await fetchToken(transport, challenge, request);
    kept.set(key, token);
    return token;
  }
  return { get };
}
