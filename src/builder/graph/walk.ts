import type { Edge, Vertex } from './vertex.ts';

/** All vertices that edges need, each once, what is used before who uses it. Not recursive: a graph may be deep. */
export function verticesOf(edges: readonly Edge[]): Vertex[] {
  const ordered = new Map<string, Vertex>();
  const entered = new Set<string>();
  const stack: { readonly vertex: Vertex; readonly isDone: boolean }[] = [];
  const push = (vertices: readonly Vertex[]): void => {
    for (const vertex of vertices.toReversed()) stack.push({ vertex, isDone: false });
  };
  push(edges.map(({ vertex }) => vertex));
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { vertex, isDone } = next;
    if (isDone) ordered.set(vertex.digest, vertex);
    if (isDone || entered.has(vertex.digest)) continue;
    entered.add(vertex.digest);
    stack.push({ vertex, isDone: true });
    push(vertex.inputs.map((input) => input.vertex));
  }
  return [...ordered.values()];
}
