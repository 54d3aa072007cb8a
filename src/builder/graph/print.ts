import { printPlatform } from '#oci';
import type { Operation } from './operation.ts';
import type { Edge } from './vertex.ts';
import { verticesOf } from './walk.ts';

function shown(operation: Operation): string {
  switch (operation.type) {
    case 'source':
      return `source ${operation.identifier}`;
    case 'exec':
      return `exec ${JSON.stringify(operation.words)}`;
    case 'file':
      return `file ${operation.actions.map(({ action }) => action.type).join(', ')}`;
    default:
      return operation.type;
  }
}

/** A graph for people and tests: a line for each vertex, `2: file copy (0, 1:1) linux/amd64 — [2/3] COPY . .`. */
export function printGraph(edges: readonly Edge[]): string {
  const vertices = verticesOf(edges);
  const numbers = new Map(vertices.map(({ digest }, index) => [digest, index]));
  const named = ({ vertex, output }: Edge): string =>
    `${numbers.get(vertex.digest)}${output === 0 ? '' : `:${output}`}`;
  const lines = vertices.map((vertex, index) => {
    const inputs = vertex.inputs.length === 0 ? '' : ` (${vertex.inputs.map(named).join(', ')})`;
    const uncached = vertex.isUncached ? ' uncached' : '';
    const platform = printPlatform(vertex.platform);
    return `${index}: ${shown(vertex.operation)}${inputs} ${platform}${uncached} — ${vertex.name}\n`;
  });
  return `${lines.join('')}ends in ${edges.map(named).join(', ')}\n`;
}
