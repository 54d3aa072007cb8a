import { createHash } from 'node:crypto';

/** A digest as OCI writes it: `sha256:` and 64 hexadecimal digits (image specification, descriptor, "Digests"). */
export function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/** The hexadecimal part of a digest: its name as a file. */
export function encodedOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The digest of bytes that are all there. */
export function digestOf(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** A digest that is fed in pieces. */
export class Digester {
  // Twice as fast as node:crypto's for large inputs.
  readonly #hash = new Bun.CryptoHasher('sha256');
  sizeBytes = 0;

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.sizeBytes += chunk.length;
  }

  /** The digest of all that was given; the digester is spent. */
  finish(): string {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}

/**
 * The chain id of a layer: the base's is its diff id, every other's the digest of its parent's chain id and its own diff
 * id (OCI image specification, config, "Layer ChainID").
 */
export function chainIdOf(parent: string | undefined, diffId: string): string {
  return parent === undefined ? diffId : digestOf(`${parent} ${diffId}`);
}

/** The chain ids of all layers, from the base upwards. */
export function chainOf(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) chain.push(chainIdOf(chain.at(-1), diffId));
  return chain;
}
