import type { Edge } from '#builder';
import { fail } from '#std/errors';

/** The scheme of identifiers that stand for an edge which this engine has made for a client. */
const scheme = 'estiba-edge://';
/** So many edges stay known; what builds that go on have told clients last is what is asked for. */
const limit = 4096;

/**
 * Edges that clients were told of as LLB, so that they can give them back as an input of another build: bake does so where a target is
 * another one's context. A client sees a source with an identifier of our own, and need not understand it.
 */
export class EdgeBook {
  private readonly edges = new Map<string, Edge>();

  /** The identifier under which the edge is found from now on. */
  note(edge: Edge): string {
    const identifier = `${scheme}${edge.vertex.digest}/${edge.output}`;
    this.edges.delete(identifier);
    this.edges.set(identifier, edge);
    for (const oldest of this.edges.keys()) {
      if (this.edges.size <= limit) break;
      this.edges.delete(oldest);
    }
    return identifier;
  }

  /** Undefined when the identifier is none of ours; throws `not-found` when its edge is gone. */
  find(identifier: string): Edge | undefined {
    if (!identifier.startsWith(scheme)) return undefined;
    const edge = this.edges.get(identifier);
    if (edge === undefined) throw fail('not-found', `no such result of an earlier build: ${identifier}`);
    return edge;
  }
}
