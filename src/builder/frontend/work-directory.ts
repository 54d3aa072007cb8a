import type { EvaluatedStep } from '#dockerfile';
import { createVertex } from '../graph/create-vertex.ts';
import type { Edge } from '../graph/vertex.ts';
import { parseOwner } from './owner.ts';
import { type StageRun, vertexOf } from './stage-state.ts';

/** Makes the directory of a WORKDIR, of the user's that the stage is then run as, unless it is there. */
export function makeWorkDirectory(run: StageRun, step: EvaluatedStep, path: string, base: Edge | undefined): Edge {
  const { epochSeconds } = run.options;
  const { user } = step.settings;
  const action = {
    type: 'make-directory',
    path,
    mode: 0o755,
    makesParents: true,
    ...(user !== '' && { owner: parseOwner(user) }),
    ...(epochSeconds !== undefined && { timestampNs: (epochSeconds * 1_000_000_000n).toString() }),
  } as const;
  const vertex = createVertex({
    ...vertexOf(run, step),
    name: run.names.step(step),
    operation: {
      type: 'file',
      actions: [{ input: base === undefined ? -1 : 0, secondaryInput: -1, output: 0, action }],
    },
    inputs: base === undefined ? [] : [base],
  });
  return { vertex, output: 0 };
}
