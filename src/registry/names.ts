const nameLimit = 255;
const part = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const namePattern = new RegExp(`^${part}(?:/${part})*$`);

/** The algorithms that content is named by, and how many hexadecimal digits each gives. */
const digitsOf: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

export type Algorithm = 'sha256' | 'sha512';

/** Whether a text names a repository (distribution specification 1.1, "Pulling manifests"). */
export function isRepositoryName(text: string): boolean {
  return text.length <= nameLimit && namePattern.test(text);
}

/** Whether a text is a digest of an algorithm that is known here. */
export function isContentDigest(text: unknown): text is `${string}:${string}` {
  if (typeof text !== 'string') return false;
  const [algorithm = '', encoded = ''] = text.split(':', 2);
  return text === `${algorithm}:${encoded}` && encoded.length === digitsOf[algorithm] && /^[0-9a-f]+$/.test(encoded);
}

/** The algorithm of a digest. */
export function algorithmOf(digest: string): Algorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The digest of content that is all there. */
export function contentDigest(content: Uint8Array, algorithm: Algorithm): string {
  return `${algorithm}:${new Bun.CryptoHasher(algorithm).update(content).digest('hex')}`;
}
