import { isSignedBy, type JsonObject, parseToken } from './jwt.ts';
import type { Scope } from './scope.ts';
import type { TokenKeys } from './token-keys.ts';

/** How far clocks may be apart. */
const leewaySeconds = 60;

/** What a token proves. */
export interface TokenBearer {
  /** Undefined or empty where the token is nobody's. */
  readonly user: string | undefined;
  readonly scopes: readonly Scope[];
  readonly claims: JsonObject;
}

/** What must be true of a token. */
export interface TokenTrust {
  readonly keys: TokenKeys;
  readonly issuer: string;
  /** Must be among the token's `aud`. */
  readonly service: string;
}

function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** The claim `access`; undefined when it is malformed. */
function readAccess(access: unknown): Scope[] | undefined {
  if (access === undefined || access === null) return [];
  if (!Array.isArray(access)) return undefined;
  const scopes: Scope[] = [];
  for (const entry of access as unknown[]) {
    if (typeof entry !== 'object' || entry === null) return undefined;
    const { type, name, actions } = entry as Readonly<Record<string, unknown>>;
    const list = actions ?? [];
    if (typeof type !== 'string' || typeof name !== 'string' || !isStringList(list)) return undefined;
    scopes.push({ type, name, actions: list });
  }
  return scopes;
}

function isCurrent({ exp, nbf }: JsonObject, nowSeconds: number): boolean {
  if (typeof exp !== 'number' || nowSeconds > exp + leewaySeconds) return false;
  return nbf === undefined || (typeof nbf === 'number' && nowSeconds >= nbf - leewaySeconds);
}

/** Proves a token: signature by a trusted key, issuer, audience, and the time that it is good for. Undefined when it does not hold. */
export function proveToken(text: string, { keys, issuer, service }: TokenTrust): TokenBearer | undefined {
  const token = parseToken(text);
  // An extension that must be understood is one that is not (RFC 7515 section 4.1.11).
  if (token === undefined || token.header.crit !== undefined) return undefined;
  const { claims } = token;
  const audience = typeof claims.aud === 'string' ? [claims.aud] : claims.aud;
  if (claims.iss !== issuer || !isStringList(audience) || !audience.includes(service)) return undefined;
  if (!isCurrent(claims, Date.now() / 1000)) return undefined;
  const scopes = readAccess(claims.access);
  if (scopes === undefined || !keys.candidates(token).some((key) => isSignedBy(token, key))) return undefined;
  return { user: typeof claims.sub === 'string' && claims.sub !== '' ? claims.sub : undefined, scopes, claims };
}
