import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail, messageOf } from '#std/errors';
import { proveToken, type TokenBearer } from './bearer.ts';
import { signToken } from './jwt.ts';
import type { PasswordFile } from './password-file.ts';
import type { Scope } from './scope.ts';
import { ownKey } from './token-keys.ts';

export const accessSeconds = 300;
const refreshSeconds = 90 * 24 * 3600;
const issuer = 'estiba-registry';
const notBeforeSlackSeconds = 10;

/** Tokens of this registry's own, for the users of its htpasswd file. A changed password ends them all. */
export interface OwnTokens {
  /** A token that is good for five minutes; `user` undefined for somebody who has not logged in. */
  access(user: string | undefined, scopes: readonly Scope[]): string;
  /** A token that stands for the user's password, for 90 days. */
  refresh(user: string): string;
  proveAccess(token: string): TokenBearer | undefined;
  /** The user that a refresh token is of. */
  proveRefresh(token: string): string | undefined;
}

function makeKey(path: string): void {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeSync(descriptor, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, path);
}

/** The P-256 key in a PEM file, made where there is none. Throws `invalid-argument`. */
function provideKey(path: string): KeyObject {
  try {
    if (!existsSync(path)) makeKey(path);
    const key = createPrivateKey(readFileSync(path));
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch (error) {
    throw fail('invalid-argument', `token key ${path}: ${messageOf(error)}`);
  }
  throw fail('invalid-argument', `token key ${path}: it is no P-256 key`);
}

/** Opens the issuing of tokens, with a key that is kept in `keyFile` so that tokens outlive a restart. */
export function openOwnTokens(keyFile: string, service: string, passwords: PasswordFile): OwnTokens {
  const key = provideKey(keyFile);
  const { keys, keyId } = ownKey(createPublicKey(key));
  // An audience of their own, so that a refresh token never passes for an access token.
  const refreshService = `refresh:${service}`;

  function issue(user: string | undefined, audience: string, seconds: number, access: readonly Scope[]): string {
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, nbf: now - notBeforeSlackSeconds, exp: now + seconds };
    const password = user === undefined ? {} : { pwd: passwords.fingerprint(user) };
    const claims = { iss: issuer, sub: user ?? '', aud: audience, jti: randomUUID(), ...times, ...password, access };
    return signToken(claims, { key, keyId });
  }

  function prove(token: string, audience: string): TokenBearer | undefined {
    const bearer = proveToken(token, { keys, issuer, service: audience });
    if (bearer?.user === undefined) return bearer;
    const fingerprint = passwords.fingerprint(bearer.user);
    return fingerprint !== undefined && bearer.claims.pwd === fingerprint ? bearer : undefined;
  }

  return {
    access: (user, scopes) => issue(user, service, accessSeconds, scopes),
    refresh: (user) => issue(user, refreshService, refreshSeconds, []),
    proveAccess: (token) => prove(token, service),
    proveRefresh: (token) => prove(token, refreshService)?.user,
  };
}
