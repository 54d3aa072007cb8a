import { createHash, createPublicKey, type KeyObject, type webcrypto, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseJsonObject } from '#oci';
import { fail, messageOf } from '#std/errors';
import type { UnverifiedToken } from './jwt.ts';

/** Whose tokens are believed. */
export interface TokenKeys {
  /** The keys that may have signed a token, going by its header; empty when it names none that is known. */
  candidates(token: Pick<UnverifiedToken, 'header'>): readonly KeyObject[];
}

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const chainMax = 8;

/** The name of a key as Docker's token servers write it: the first 240 bits of the SHA-256 of its DER form, in base32, by fours. */
export function libtrustKeyId(key: KeyObject): string {
  const hash = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 30);
  const bits = [...hash].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const digits = (bits.match(/.{5}/g) ?? []).map((five) => base32.charAt(Number.parseInt(five, 2))).join('');
  return (digits.match(/.{4}/g) ?? []).join(':');
}

/** RFC 7638: the digest of a key's necessary members. */
function thumbprint(key: KeyObject): string {
  const { crv, e, kty, n, x, y } = key.export({ format: 'jwk' });
  return createHash('sha256').update(JSON.stringify({ crv, e, kty, n, x, y })).digest('base64url');
}

function isCurrent(certificate: X509Certificate, now: number): boolean {
  return Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo);
}

function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

/** The key of the first certificate of an `x5c` header, when the chain ends at a trusted one (RFC 7515 section 4.1.6). */
function keyOfChain(chain: unknown, roots: readonly X509Certificate[]): KeyObject | undefined {
  if (!Array.isArray(chain) || chain.length === 0 || chain.length > chainMax) return undefined;
  let certificates: X509Certificate[];
  try {
    certificates = chain.map((text) => new X509Certificate(Buffer.from(String(text), 'base64')));
  } catch {
    return undefined;
  }
  const now = Date.now();
  const [first] = certificates;
  for (const [index, certificate] of certificates.entries()) {
    if (!isCurrent(certificate, now)) return undefined;
    const isTrusted = roots.some(
      (root) => isCurrent(root, now) && (root.raw.equals(certificate.raw) || issued(root, certificate)),
    );
    if (isTrusted) return first?.publicKey;
    const above = certificates[index + 1];
    if (above === undefined || !issued(above, certificate)) return undefined;
  }
  return undefined;
}

interface NamedKey {
  readonly key: KeyObject;
  readonly names: readonly string[];
}

function named(key: KeyObject, names: readonly unknown[] = []): NamedKey {
  const given = names.filter((name) => typeof name === 'string');
  return { key, names: [...given, libtrustKeyId(key), thumbprint(key)] };
}

function readKeySet(content: Uint8Array): NamedKey[] {
  const { keys } = parseJsonObject(content, 'key set');
  if (!Array.isArray(keys)) throw fail('invalid-argument', 'it is neither PEM nor a JSON Web Key Set');
  return (keys as (webcrypto.JsonWebKey & { readonly kid?: unknown })[])
    .filter(({ use }) => use === undefined || use === 'sig')
    .map((jwk) => {
      if (jwk.kty === 'oct' || jwk.d !== undefined)
        throw fail('invalid-argument', 'there is a secret in it; it must have public keys alone');
      return named(createPublicKey({ key: jwk, format: 'jwk' }), [jwk.kid]);
    });
}

function readPem(text: string): { keys: NamedKey[]; roots: X509Certificate[] } {
  const blocks = text.match(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g) ?? [];
  const keys: NamedKey[] = [];
  const roots: X509Certificate[] = [];
  for (const block of blocks) {
    if (/^-----BEGIN (?:TRUSTED )?CERTIFICATE-----/.test(block)) {
      const certificate = new X509Certificate(block);
      roots.push(certificate);
      keys.push(named(certificate.publicKey));
    } else if (/^-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(block)) {
      keys.push(named(createPublicKey(block)));
    } else {
      throw fail(
        'invalid-argument',
        `there is a ${block.slice(11, block.indexOf('-----', 11))} in it; certificates and public keys are expected`,
      );
    }
  }
  return { keys, roots };
}

/** Keys that are in hand. */
export function tokenKeys(keys: readonly NamedKey[], roots: readonly X509Certificate[] = []): TokenKeys {
  const byName = new Map(keys.flatMap(({ key, names }) => names.map((name) => [name, key])));
  return {
    candidates({ header }) {
      if (typeof header.kid === 'string') {
        const key = byName.get(header.kid);
        if (key !== undefined) return [key];
      }
      if (header.x5c !== undefined) {
        const key = keyOfChain(header.x5c, roots);
        return key === undefined ? [] : [key];
      }
      // Who names no key may have signed with any of those few that are trusted.
      return header.kid === undefined ? keys.map(({ key }) => key) : [];
    },
  };
}

/** The one key that this registry signs with itself. */
export function ownKey(key: KeyObject): { keys: TokenKeys; keyId: string } {
  return { keys: tokenKeys([named(key)]), keyId: libtrustKeyId(key) };
}

/**
 * Reads the keys and certificates that tokens are proved by: a file of PEM blocks, or a JSON Web Key Set. Throws
 * `invalid-argument`.
 */
export function readTokenKeys(path: string): TokenKeys {
  try {
    const content = readFileSync(path);
    const text = content.toString();
    const { keys, roots } = text.trimStart().startsWith('{') ? { keys: readKeySet(content), roots: [] } : readPem(text);
    if (keys.length === 0) throw fail('invalid-argument', 'there is no key in it');
    return tokenKeys(keys, roots);
  } catch (error) {
    throw fail('invalid-argument', `token keys ${path}: ${messageOf(error)}`);
  }
}
