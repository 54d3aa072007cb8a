import { type KeyObject, sign, verify } from 'node:crypto';
import { parseJsonObject } from '#oci';

/** How much a token may weigh: much more than any that lists a dozen repositories. */
const tokenBytesMax = 16 * 1024;
const base64Url = /^[A-Za-z0-9_-]+$/;

export type JsonObject = Readonly<Record<string, unknown>>;

/** A JSON Web Token (RFC 7519) in JWS compact form, taken apart; nothing of it is proved. */
export interface UnverifiedToken {
  readonly header: JsonObject;
  readonly claims: JsonObject;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/** What a signature is made by, for the keys that it can be made with. */
interface Algorithm {
  readonly keyType: string;
  readonly curve?: string;
  readonly hash: string | null;
}

/** RFC 7518 section 3.1, the asymmetric ones: a key that anybody can read never is a secret, and none is no signature. */
const algorithms: Readonly<Record<string, Algorithm>> = {
  RS256: { keyType: 'rsa', hash: 'sha256' },
  RS384: { keyType: 'rsa', hash: 'sha384' },
  RS512: { keyType: 'rsa', hash: 'sha512' },
  ES256: { keyType: 'ec', curve: 'prime256v1', hash: 'sha256' },
  ES384: { keyType: 'ec', curve: 'secp384r1', hash: 'sha384' },
  ES512: { keyType: 'ec', curve: 'secp521r1', hash: 'sha512' },
  EdDSA: { keyType: 'ed25519', hash: null },
};

/** Takes a token apart; undefined when it is none. */
export function parseToken(text: string): UnverifiedToken | undefined {
  const parts = text.split('.');
  const [head = '', body = '', signature = ''] = parts;
  if (text.length > tokenBytesMax || parts.length !== 3 || !parts.every((part) => base64Url.test(part)))
    return undefined;
  try {
    return {
      header: parseJsonObject(Buffer.from(head, 'base64url'), 'header'),
      claims: parseJsonObject(Buffer.from(body, 'base64url'), 'claims'),
      signed: Buffer.from(`${head}.${body}`),
      signature: Buffer.from(signature, 'base64url'),
    };
  } catch {
    return undefined;
  }
}

/** Whether the algorithm that a token names is one for this kind of key: the key decides, never the token. */
export function suits(algorithm: unknown, key: KeyObject): boolean {
  const entry =
    typeof algorithm === 'string' && Object.hasOwn(algorithms, algorithm) ? algorithms[algorithm] : undefined;
  if (entry === undefined || key.type !== 'public' || key.asymmetricKeyType !== entry.keyType) return false;
  return entry.curve === undefined || key.asymmetricKeyDetails?.namedCurve === entry.curve;
}

/** Whether the token was signed by the owner of a public key. */
export function isSignedBy({ header, signed, signature }: UnverifiedToken, key: KeyObject): boolean {
  if (!suits(header.alg, key)) return false;
  const { hash } = algorithms[String(header.alg)] ?? { hash: null };
  return verify(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** A token signed with a P-256 key (ES256). */
export function signToken(claims: JsonObject, { key, keyId }: { key: KeyObject; keyId: string }): string {
  const part = (value: JsonObject): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ typ: 'JWT', alg: 'ES256', kid: keyId })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}
