import { type EvaluatedStage, type EvaluatedStep, historyOf, onLines, resolveDirectory } from '#dockerfile';
import type { HistoryEntry } from '#oci';
import type { Edge } from '../graph/vertex.ts';
import { runStep } from './run-step.ts';
import type { FinishedStage, StageRun, StageStart } from './stage-state.ts';
import { transfer } from './transfer.ts';
import { makeWorkDirectory } from './work-directory.ts';

/** What BuildKit writes with every entry of the history that it makes. */
const historyComment = 'buildkit.dockerfile.v0';

/** The time that everything is given, as text. */
export function createdOf({ epochSeconds }: StageRun['options']): string | undefined {
  return epochSeconds === undefined
    ? undefined
    : new Date(Number(epochSeconds) * 1000).toISOString().replace('.000', '');
}

function vertexFor(run: StageRun, step: EvaluatedStep, base: Edge | undefined): Edge | undefined {
  const { instruction, settings } = step;
  switch (instruction.type) {
    case 'RUN':
      return runStep(run, step, instruction, base);
    case 'COPY':
    case 'ADD':
      return transfer(run, step, instruction, base);
    case 'WORKDIR': {
      const path = resolveDirectory(settings.workingDirectory, instruction.value);
      return path === '/' ? base : makeWorkDirectory(run, step, path, base);
    }
    default:
      return base;
  }
}

/** Makes vertices of the steps of a stage, and tells its history. */
export function buildStage(run: StageRun, evaluated: EvaluatedStage, start: StageStart): FinishedStage {
  const created = createdOf(run.options);
  const image = 'image' in start.base ? start.base.image : start.base;
  const history: HistoryEntry[] = [...image.history];
  let { edge } = start;
  let { isArgsEscaped } = image;
  const edges: (Edge | undefined)[] = [];
  for (const step of evaluated.steps) {
    edge = onLines(step.instruction.node.lines, () => vertexFor(run, step, edge));
    edges.push(edge);
    if (step.instruction.type === 'CMD') isArgsEscaped = true;
    const line = historyOf(evaluated, step);
    if (line === undefined) continue;
    history.push({
      ...(created !== undefined && { created }),
      created_by: line.createdBy,
      comment: historyComment,
      ...(line.isEmptyLayer && { empty_layer: true }),
    });
  }
  const baseContent = 'image' in start.base ? start.base.baseContent : start.base.content;
  return {
    edge,
    evaluated,
    start,
    edges,
    platform: run.platform,
    image: { ...image, config: evaluated.config, isArgsEscaped, history },
    baseContent,
  };
}
