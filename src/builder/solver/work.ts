import { fail, kindOf, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { HeldRecord } from '../cache/build-cache.ts';
import type { Vertex } from '../graph/vertex.ts';
import type { LayersResult, Result } from '../result.ts';
import type { KeyParts } from './causes.ts';
import type { HeldOutputs } from './held.ts';
import type { JobRun } from './jobs.ts';
import { keyPartsOf } from './key-parts.ts';
import { inputUses, outputCount } from './keys.ts';
import type { Node, OperationKey } from './node.ts';
import type { SolverParts } from './parts.ts';
import { recordOf } from './record.ts';
import type { StepRun } from './types.ts';

/** Does the operation itself; the layers of what comes of it are held. */
async function execute(
  parts: SolverParts,
  { operation, platform }: Vertex,
  run: StepRun,
): Promise<readonly LayersResult[]> {
  const { steps } = parts;
  switch (operation.type) {
    case 'exec':
      return steps.exec(operation, platform, run);
    case 'file':
      return steps.file(operation, run);
    case 'merge':
      return [await steps.merge(run)];
    case 'diff':
      return [await steps.diff(run.inputs[operation.lower], run.inputs[operation.upper], run)];
    default:
      throw fail('internal', `${operation.identifier} is not worked out`);
  }
}

/** Has the inputs as they are needed: what something is built on is layers, what is only read may be a directory. */
async function prepared(
  parts: SolverParts,
  node: Node,
  inputs: readonly HeldOutputs[],
  run: StepRun,
): Promise<{ readonly results: readonly Result[]; release(): void }> {
  const uses = inputUses(node.vertex);
  const made: string[] = [];
  const release = (): void => parts.layers.release(made);
  const results: Result[] = [];
  try {
    for (const [index, held] of inputs.entries()) {
      const result = held.result(node.inputs[index]?.output ?? 0);
      if (result.kind === 'layers' || !uses[index]?.isWhole) {
        results.push(result);
        continue;
      }
      const layers = await parts.steps.asLayers(result, run);
      made.push(...layers.chain);
      results.push(layers);
    }
    return { results, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** What it is made of, for who asks now or later why it is done again. A build does not fail of it. */
async function remembered({ steps }: SolverParts, { vertex }: Node, key: OperationKey, run: StepRun) {
  try {
    return await keyPartsOf(steps.digest, vertex, key, run.inputs, run.signal);
  } catch (error) {
    log('debug', 'what a step is made of is not remembered', { step: vertex.name, error: messageOf(error) });
    return undefined;
  }
}

/** A full disk takes no note, and what was worked out is there all the same. */
function note({ causes }: SolverParts, vertex: Vertex, parts: KeyParts): void {
  try {
    causes.note(vertex, parts);
  } catch (error) {
    log('warn', 'what a step was made of is not remembered', { step: vertex.name, error: messageOf(error) });
  }
}

async function workedOut(
  parts: SolverParts,
  node: Node,
  operationKey: OperationKey,
  run: StepRun,
  onStarted: JobRun['onStarted'],
): Promise<HeldRecord> {
  const { vertex } = node;
  const { explains } = run.context;
  const remembering = remembered(parts, node, operationKey, run);
  const asked = explains ? await remembering : undefined;
  onStarted(asked && parts.causes.explain(vertex, asked));
  const made = await execute(parts, vertex, run);
  const chains = Array.from({ length: outputCount(vertex.operation) }, (_, output) => made[output]?.chain ?? []);
  const below = new Set(run.inputs.flatMap((result) => (result.kind === 'layers' ? result.chain : [])));
  const parents = node.inputs.flatMap((input) => input.node.record ?? []);
  const { key, alias } = operationKey;
  const held = parts.cache.add(recordOf(parts, vertex, { key, chains, below, parents }));
  if (alias !== undefined) parts.cache.addAlias(key, alias);
  const keyParts = await remembering;
  if (keyParts !== undefined) note(parts, vertex, keyParts);
  return held;
}

/** The work of a vertex as a job: its inputs stay until it ends, whoever asked for it first. */
export function workOut(
  parts: SolverParts,
  node: Node,
  operationKey: OperationKey,
  inputs: readonly HeldOutputs[],
): (run: JobRun) => Promise<HeldRecord> {
  const held = inputs.map((input) => input.share());
  return async (run) => {
    let free: (() => void) | undefined;
    let ready: Awaited<ReturnType<typeof prepared>> | undefined;
    try {
      if (node.vertex.operation.type === 'exec') free = await parts.processSlots.take(run.signal);
      const { onStarted, onCompleted, ...step } = run;
      const stepRun = { ...step, vertexDigest: node.vertex.digest, inputs: [] };
      ready = await prepared(parts, node, held, stepRun);
      const made = await workedOut(parts, node, operationKey, { ...stepRun, inputs: ready.results }, onStarted);
      onCompleted();
      return made;
    } catch (error) {
      run.onCompleted(kindOf(error) === 'cancelled' ? 'context canceled' : messageOf(error));
      throw error;
    } finally {
      free?.();
      ready?.release();
      for (const input of held) input.release();
    }
  };
}
