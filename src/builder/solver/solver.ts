import { canonicalDigest } from '../graph/canonical.ts';
import type { Edge } from '../graph/vertex.ts';
import type { LayersResult } from '../result.ts';
import { Build } from './build.ts';
import { Jobs } from './jobs.ts';
import type { SolverParts } from './parts.ts';
import { VertexReport } from './report.ts';
import { sourceRun } from './tell.ts';
import type { BuildContext, HeldResult, Solver } from './types.ts';

/** Of so many builds it is remembered what was done anew. */
const buildsRemembered = 500;

/** Puts a solver together. */
export function createSolver(parts: SolverParts): Solver & { readonly isIdle: () => boolean } {
  const shared = { ...parts, jobs: new Jobs() };
  const builds = new Map<string, Build>();
  const freshOf = new Map<string, Set<string>>();

  function fresh(id: string): Set<string> {
    const known = freshOf.get(id) ?? new Set<string>();
    freshOf.delete(id);
    freshOf.set(id, known);
    const [oldest] = freshOf.keys();
    if (freshOf.size > buildsRemembered && oldest !== undefined) freshOf.delete(oldest);
    return known;
  }

  function buildOf(context: BuildContext): Build {
    const known = builds.get(context.id);
    if (known !== undefined) return known;
    const build: Build = new Build(shared, fresh(context.id), () => {
      if (builds.get(context.id) === build) builds.delete(context.id);
      parts.onIdle?.();
    });
    builds.set(context.id, build);
    return build;
  }

  async function solve(edge: Edge, context: BuildContext): Promise<HeldResult> {
    const { outputs, key, release } = await buildOf(context).solve(edge, context);
    return { result: outputs.result(edge.output), key, release };
  }

  async function solveLayers(edge: Edge, context: BuildContext): Promise<HeldResult & { result: LayersResult }> {
    const held = await solve(edge, context);
    const { result, key } = held;
    if (result.kind === 'layers') return { ...held, result };
    try {
      const { vertex } = edge;
      const report = new VertexReport(vertex, context.onProgress);
      const run = sourceRun({ vertex, report, context }, context.signal);
      const layers = await parts.steps.asLayers(result, run);
      const release = (): void => parts.layers.release(layers.chain);
      return { result: layers, key: canonicalDigest({ layersOf: key }), release };
    } finally {
      held.release();
    }
  }

  return {
    solve,
    solveLayers,
    cacheable: (edges, context) => builds.get(context.id)?.cacheable(edges) ?? [],
    isIdle: () => builds.size === 0,
  };
}
