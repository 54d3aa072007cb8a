import type { HeldRecord } from '../cache/build-cache.ts';
import type { Result } from '../result.ts';

/** All outputs of a vertex, there until it is released; each `share` has to be released too. */
export interface HeldOutputs {
  result(output: number): Result;
  share(): HeldOutputs;
  release(): void;
}

/** What was worked out, or known. */
export function outputsOfRecord(held: HeldRecord): HeldOutputs {
  return {
    result: (output) => ({ kind: 'layers', chain: held.record.outputs[output]?.chain ?? [] }),
    share: () => outputsOfRecord(held.share()),
    release: () => held.release(),
  };
}

/** What a source gave: released when the last who shares it has done so. */
export function outputsOfSource(source: { readonly result: Result; release(): void }): HeldOutputs {
  let holders = 0;
  function hold(): HeldOutputs {
    holders += 1;
    let isHeld = true;
    return {
      result: () => source.result,
      share: hold,
      release() {
        if (!isHeld) return;
        isHeld = false;
        holders -= 1;
        if (holders === 0) source.release();
      },
    };
  }
  return hold();
}
