import type { BuildLayer } from '#images';
import { chainIdOf } from '#oci';
import type { LayersResult, Result } from '../result.ts';
import type { StepRun } from '../solver/types.ts';
import { HeldChains } from './held-chains.ts';
import type { StepParts } from './step.ts';

/** Puts layers on a chain on which they may not have been before. */
async function stack(
  { builds, workers }: StepParts,
  held: HeldChains,
  chain: readonly string[],
  layers: readonly BuildLayer[],
  signal: AbortSignal,
): Promise<string[]> {
  const stacked = [...chain];
  for (const { directory, diffId, tarSizeBytes, sizeBytes } of layers) {
    const chainId = chainIdOf(stacked.at(-1), diffId);
    if (builds.hold([chainId]) !== undefined) {
      held.own({ kind: 'layers', chain: [chainId] });
      stacked.push(chainId);
      continue;
    }
    let draft = builds.draft(stacked);
    const mayShare = !held.directories(stacked).includes(directory);
    const ask = () => ({ from: directory, to: draft.directory, mayShare });
    const again = () => {
      draft.discard();
      draft = builds.draft(stacked);
      return ask();
    };
    try {
      await workers.run('clone', ask(), { signal, again });
      held.adopt({ draft, diffId, tarSizeBytes, sizeBytes }, stacked);
      stacked.push(chainId);
    } catch (error) {
      draft.discard();
      throw error;
    }
  }
  return stacked;
}

/** Lays the later inputs over the first: their layers are put on those before, as they are. */
export async function runMerge(
  parts: StepParts,
  run: StepRun,
  toLayers: (result: Result) => Promise<LayersResult>,
): Promise<LayersResult> {
  const held = new HeldChains(parts.builds);
  try {
    let chain: readonly string[] = [];
    for (const input of run.inputs) {
      const result = input.kind === 'layers' ? input : held.own(await toLayers(input));
      const layers = held.layers(result.chain);
      chain = chain.length === 0 ? result.chain : await stack(parts, held, chain, layers, run.signal);
    }
    const merged: LayersResult = { kind: 'layers', chain };
    held.give([merged]);
    return merged;
  } finally {
    held.release();
  }
}

/**
 * What the upper file system has more or otherwise than the lower one: the layers that are on it, when it is made on that; else one
 * layer of what differs.
 */
export async function runDiff(
  parts: StepParts,
  lower: Result | undefined,
  upper: Result | undefined,
  run: StepRun,
  toLayers: (result: Result) => Promise<LayersResult>,
): Promise<LayersResult> {
  const held = new HeldChains(parts.builds);
  const chainOf = async (result: Result | undefined): Promise<readonly string[]> => {
    if (result === undefined) return [];
    return (result.kind === 'layers' ? result : held.own(await toLayers(result))).chain;
  };
  try {
    const [below, above] = [await chainOf(lower), await chainOf(upper)];
    const isOn = below.every((chainId, index) => above[index] === chainId);
    let chain: readonly string[];
    if (isOn) chain = await stack(parts, held, [], held.layers(above).slice(below.length), run.signal);
    else chain = (await differ(parts, held, below, above, run.signal)).chain;
    const result: LayersResult = { kind: 'layers', chain };
    held.give([result]);
    return result;
  } finally {
    held.release();
  }
}

async function differ(
  { builds, workers }: StepParts,
  held: HeldChains,
  below: readonly string[],
  above: readonly string[],
  signal: AbortSignal,
): Promise<LayersResult> {
  const [lower, upper] = [held.directories(below), held.directories(above)];
  let draft = builds.draft([]);
  const ask = () => ({ lower, upper, directory: draft.directory });
  const again = () => {
    draft.discard();
    draft = builds.draft([]);
    return ask();
  };
  try {
    const measured = await workers.run('diff', ask(), { signal, again });
    return held.adopt({ draft, ...measured }, []);
  } catch (error) {
    draft.discard();
    throw error;
  }
}
