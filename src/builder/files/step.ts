import type { BuildLayers } from '#images';
import { fail } from '#std/errors';
import type { LayerDraft } from '#store';
import type { FileAction, FileOperation } from '../graph/operation.ts';
import type { LayersResult, Result } from '../result.ts';
import type { StepRun } from '../solver/types.ts';
import { HeldChains } from './held-chains.ts';
import type { DraftJob, JobAction } from './step-job.ts';
import type { FileWorkers } from './workers.ts';

export interface StepParts {
  readonly builds: BuildLayers;
  readonly workers: FileWorkers;
}

/** Where files are: layers that are held, or a directory of somebody else's. */
type Base = { readonly chain: readonly string[]; readonly directories: readonly string[] };

/** A layer that is to be made: by these of the operation's steps, in order, on one of its inputs. */
interface Line {
  readonly steps: readonly number[];
  /** Below zero for an empty file system. */
  readonly input: number;
}

/** Index of the step that an index into inputs and steps stands for; undefined when it is an input or none. */
function stepAt(index: number, inputs: number, before: number): number | undefined {
  if (index < inputs) return undefined;
  if (index - inputs >= before) throw fail('invalid-argument', `invalid input index ${index} in a file operation`);
  return index - inputs;
}

function lineOf({ actions }: FileOperation, last: number, inputs: number): Line {
  const steps: number[] = [];
  for (let step: number | undefined = last; ; ) {
    steps.unshift(step);
    const { input } = actions[step] ?? { input: -1 };
    const above = stepAt(input, inputs, step);
    if (above === undefined) return { steps, input };
    step = above;
  }
}

/** The steps whose layers are asked for, or copied from by others. */
function wantedSteps({ actions }: FileOperation, inputs: number): number[] {
  const wanted = new Set<number>();
  for (const [index, { output, secondaryInput, action }] of actions.entries()) {
    if (output >= 0) wanted.add(index);
    const source = action.type === 'copy' ? stepAt(secondaryInput, inputs, index) : undefined;
    if (source !== undefined) wanted.add(source);
  }
  return [...wanted].sort((one, other) => one - other);
}

function encoded(action: FileAction, source: readonly string[]): JobAction {
  if (action.type === 'copy') return { copy: action, source };
  if (action.type !== 'make-file') return { other: action };
  const { content, ...rest } = action;
  return { makeFile: rest, contentBase64: Buffer.from(content).toString('base64') };
}

/** Does a file operation: each of its outputs is one layer on the input that it comes from. */
export async function runFileStep(
  parts: StepParts,
  operation: FileOperation,
  run: Pick<StepRun, 'inputs' | 'signal'>,
  toLayers: (result: Result) => Promise<LayersResult>,
): Promise<readonly LayersResult[]> {
  const { builds, workers } = parts;
  const held = new HeldChains(builds);
  const drafts: { readonly draft: LayerDraft; readonly step: number; readonly chain: readonly string[] }[] = [];
  const discard = (): void => {
    for (const { draft } of drafts.splice(0)) draft.discard();
  };
  try {
    const count = run.inputs.length;
    const lines = wantedSteps(operation, count).map((step) => ({ step, ...lineOf(operation, step, count) }));
    const bases = new Map<number, Base>();
    for (const { input } of lines) if (!bases.has(input)) bases.set(input, await baseOf(run, input, held, toLayers));
    const ask = (): { readonly drafts: DraftJob[] } => {
      discard();
      return { drafts: lines.map((line) => plan(line)) };
    };
    const plan = ({ step, steps, input }: (typeof lines)[number]): DraftJob => {
      const { chain, directories } = bases.get(input) ?? { chain: [], directories: [] };
      const draft = builds.draft(chain);
      drafts.push({ draft, step, chain });
      const sourceOf = (index: number): readonly string[] => {
        const from = drafts.find((made) => made.step === stepAt(index, count, operation.actions.length));
        if (from === undefined) return directoriesOf(run.inputs[index], held);
        return [from.draft.directory, ...held.directories(from.chain)];
      };
      const actions = steps.flatMap((each) => {
        const { action, secondaryInput } = operation.actions[each] ?? {};
        if (action === undefined || secondaryInput === undefined) return [];
        return [encoded(action, action.type === 'copy' ? sourceOf(secondaryInput) : [])];
      });
      return { directory: draft.directory, lower: directories, actions };
    };
    const measured = await workers.run('step', ask(), { signal: run.signal, again: ask });
    const results: LayersResult[] = [];
    for (const [index, made] of [...drafts].entries()) {
      const output = operation.actions[made.step]?.output ?? -1;
      const found = measured[index];
      // It was only copied from.
      if (output < 0 || found === undefined) continue;
      results[output] = held.adopt({ draft: made.draft, ...found }, made.chain);
      drafts.splice(drafts.indexOf(made), 1);
    }
    held.give(results);
    return results;
  } finally {
    discard();
    held.release();
  }
}

async function baseOf(
  { inputs }: Pick<StepRun, 'inputs'>,
  input: number,
  held: HeldChains,
  toLayers: (result: Result) => Promise<LayersResult>,
): Promise<Base> {
  const result = inputs[input];
  if (result === undefined) return { chain: [], directories: [] };
  const { chain } = result.kind === 'layers' ? result : held.own(await toLayers(result));
  return { chain, directories: held.directories(chain) };
}

function directoriesOf(result: Result | undefined, held: HeldChains): readonly string[] {
  if (result === undefined) return [];
  return result.kind === 'directory' ? [result.path] : held.directories(result.chain);
}
