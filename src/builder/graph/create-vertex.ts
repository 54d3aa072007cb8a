import { canonicalDigest } from './canonical.ts';
import type { Vertex } from './vertex.ts';

/** A vertex of what it does and what it does it to; its name in progress follows from that. */
export function createVertex(draft: Omit<Vertex, 'digest'>): Vertex {
  const { operation, platform, isUncached, inputs } = draft;
  const uses = inputs.map(({ vertex, output }) => [vertex.digest, output]);
  return { ...draft, digest: canonicalDigest({ operation, platform, isUncached, inputs: uses }) };
}
