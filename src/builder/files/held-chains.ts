import type { BuildLayer, BuildLayers, MeasuredDraft } from '#images';
import { fail } from '#std/errors';
import type { LayersResult } from '../result.ts';

/** Chains that are held while something is made of them. */
export class HeldChains {
  readonly #builds: BuildLayers;
  readonly #directories = new Map<string, readonly string[]>();
  readonly #held: string[] = [];

  constructor(builds: BuildLayers) {
    this.#builds = builds;
  }

  /** The directories of a chain's layers, topmost first. */
  directories(chain: readonly string[]): readonly string[] {
    const top = chain.at(-1);
    if (top === undefined) return [];
    const known = this.#directories.get(top);
    if (known !== undefined) return known;
    const directories = this.layers(chain).map(({ directory }) => directory);
    directories.reverse();
    this.#directories.set(top, directories);
    return directories;
  }

  /** A chain's layers, from the base up. */
  layers(chain: readonly string[]): readonly BuildLayer[] {
    const layers = this.#builds.hold(chain);
    if (layers === undefined) throw fail('internal', 'a layer that a step needs is gone');
    this.#held.push(...chain);
    return layers;
  }

  /** Takes over a hold that somebody else had. */
  own(result: LayersResult): LayersResult {
    this.#held.push(...result.chain);
    return result;
  }

  /** Puts a finished draft on a chain. */
  adopt(measured: MeasuredDraft, chain: readonly string[]): LayersResult {
    const { chainId } = this.#builds.adopt(measured, chain);
    this.#held.push(chainId);
    return { kind: 'layers', chain: [...chain, chainId] };
  }

  /** Holds results for who is given them. */
  give(results: readonly LayersResult[]): void {
    const given: string[] = [];
    for (const { chain } of results) {
      if (this.#builds.hold(chain) === undefined) {
        this.#builds.release(given);
        throw fail('internal', 'a layer that was just made is gone');
      }
      given.push(...chain);
    }
  }

  release(): void {
    this.#builds.release(this.#held.splice(0));
  }
}
