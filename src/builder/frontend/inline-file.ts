import type { EvaluatedStep } from '#dockerfile';
import { createVertex } from '../graph/create-vertex.ts';
import type { Edge } from '../graph/vertex.ts';
import { type StageRun, vertexOf } from './stage-state.ts';

/** A here-document as a file of its own. */
export function inlineFile(run: StageRun, step: EvaluatedStep, path: string, content: string, mode: number): Edge {
  const { epochSeconds } = run.options;
  const action = {
    type: 'make-file',
    path,
    mode,
    content: new TextEncoder().encode(content),
    ...(epochSeconds !== undefined && { timestampNs: (epochSeconds * 1_000_000_000n).toString() }),
  } as const;
  const vertex = createVertex({
    ...vertexOf(run, step),
    name: '[internal] preparing inline document',
    operation: { type: 'file', actions: [{ input: -1, secondaryInput: -1, output: 0, action }] },
    inputs: [],
  });
  return { vertex, output: 0 };
}
