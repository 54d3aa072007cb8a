import { refuse } from '../failures.ts';
import type { Authorize, Grants, Guard, Need } from '../types.ts';
import { proveToken, type TokenTrust } from './bearer.ts';
import { basicChallenge, bearerChallenge } from './challenge.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import { type OwnTokens, openOwnTokens } from './own-tokens.ts';
import { openPasswordFile, type PasswordFile } from './password-file.ts';
import { openRights, type Rights, type Rule } from './rights.ts';
import { covers, type Scope } from './scope.ts';
import { serveToken } from './token-endpoint.ts';
import { readTokenKeys } from './token-keys.ts';

/** Who may do what with a registry. */
export interface AccessSettings {
  /** Users and their bcrypt hashes. */
  readonly htpasswd?: string;
  /** What people are told they log in to. */
  readonly realm: string;
  /** Gives the users of `htpasswd` tokens at `/token`; `keyFile` is made when it is missing. */
  readonly issue?: { readonly keyFile: string; readonly service: string; readonly url?: string };
  /** Tokens of another server. */
  readonly token?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly keysFile: string;
  };
  readonly rights: readonly Rule[];
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

const required = 'authentication required';

function unauthorized(challenge: string): Error {
  return refuse('UNAUTHORIZED', required, { headers: { 'WWW-Authenticate': challenge } });
}

/** Whether rights alone, without a token's scopes, allow something. */
function allowed(rights: Rights, user: string | undefined, { action, repository }: Need): boolean {
  if (action === 'catalog' || repository === undefined) return true;
  return rights.allows(user, repository, action);
}

/** What somebody with a password may do; `challenge` is undefined for who is known already. */
function byRights(rights: Rights, user: string | undefined, challenge: string | undefined): Grants {
  return {
    ...(user !== undefined && { user }),
    // Whoever can log in is asked to at the door: clients go by that.
    allows: (need) => (challenge === undefined || need.repository !== undefined) && allowed(rights, user, need),
    sees: (repository) => rights.allows(user, repository, 'pull'),
    challenge: () => challenge,
  };
}

interface Ticket {
  readonly user: string | undefined;
  readonly scopes: readonly Scope[];
}

/** What a token's bearer may do; both the token and the rights must allow it. */
function byToken(rights: Rights, { user, scopes }: Ticket, challenge: (needs: readonly Need[]) => string): Grants {
  return {
    ...(user !== undefined && { user }),
    allows: (need) => covers(scopes, need) && allowed(rights, user, need),
    sees: (repository) => rights.allows(user, repository, 'pull'),
    // No other token would help somebody who has not the right.
    challenge: (needs) =>
      user !== undefined && !needs.every((need) => allowed(rights, user, need)) ? undefined : challenge(needs),
  };
}

/** A host as a client may have written it in its request; anything else must not come back in a header. */
function hostOf(request: Request): string {
  const host = request.headers.get('host') ?? '';
  return /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.test(host) ? host : 'localhost';
}

function withPasswords(passwords: PasswordFile, rights: Rights, realm: string): Authorize {
  const challenge = basicChallenge(realm);
  return async (request) => {
    const credentials = readCredentials(request.headers.get('authorization'));
    if (credentials.scheme === 'none') return byRights(rights, undefined, challenge);
    if (credentials.scheme !== 'basic') throw unauthorized(challenge);
    if (!(await passwords.matches(credentials.user, credentials.password))) throw unauthorized(challenge);
    return byRights(rights, credentials.user, undefined);
  };
}

interface Bearers {
  readonly service: string;
  readonly rights: Rights;
  realm(request: Request): string;
  /** Undefined for a token that does not hold. */
  prove(token: string): Ticket | undefined;
  /** For those who show no token: who they are by another proof. */
  other?(credentials: Credentials): Promise<Grants | undefined>;
}

function withTokens({ service, rights, realm, prove, other }: Bearers): Authorize {
  return async (request) => {
    const place = { realm: realm(request), service };
    const credentials = readCredentials(request.headers.get('authorization'));
    if (credentials.scheme === 'bearer') {
      const ticket = prove(credentials.token);
      if (ticket === undefined) throw unauthorized(bearerChallenge(place, [], 'invalid_token'));
      return byToken(rights, ticket, (needs) => bearerChallenge(place, needs, 'insufficient_scope'));
    }
    const grants = credentials.scheme === 'none' ? undefined : await other?.(credentials);
    // Without a token nothing is allowed, not even what anybody may do: the token for that is had for the asking.
    return grants ?? { allows: () => false, sees: () => false, challenge: (needs) => bearerChallenge(place, needs) };
  };
}

function issuing(
  settings: AccessSettings,
  issue: NonNullable<AccessSettings['issue']>,
  passwords: PasswordFile,
  rights: Rights,
): Guard {
  const tokens: OwnTokens = openOwnTokens(issue.keyFile, issue.service, passwords);
  const { service, url } = issue;
  const authorize = withTokens({
    service,
    rights,
    realm: (request) => `${url ?? `${new URL(request.url).protocol}//${hostOf(request)}`}/token`,
    prove: tokens.proveAccess,
    async other(credentials) {
      if (credentials.scheme !== 'basic') return undefined;
      if (!(await passwords.matches(credentials.user, credentials.password))) return undefined;
      return byRights(rights, credentials.user, undefined);
    },
  });
  const grounds = { tokens, passwords, rights, realm: settings.realm, service };
  return { authorize, token: (request, locate) => serveToken(request, { ...grounds, locate }) };
}

/** Opens the guard of a registry by its settings. Throws `invalid-argument` for files that cannot be read. */
export function openAccess(settings: AccessSettings): Guard {
  const { htpasswd, token, issue } = settings;
  if (token !== undefined) {
    const trust: TokenTrust = { keys: readTokenKeys(token.keysFile), issuer: token.issuer, service: token.service };
    const rights = openRights(settings.rights, settings.groups, { open: true });
    const { realm, service } = token;
    return { authorize: withTokens({ service, rights, realm: () => realm, prove: (text) => proveToken(text, trust) }) };
  }
  const rights = openRights(settings.rights, settings.groups, { open: htpasswd === undefined });
  if (htpasswd === undefined) return { authorize: () => byRights(rights, undefined, undefined) };
  const passwords = openPasswordFile(htpasswd);
  if (issue !== undefined) return issuing(settings, issue, passwords, rights);
  return { authorize: withPasswords(passwords, rights, settings.realm) };
}
