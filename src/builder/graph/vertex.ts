import type { Platform } from '#oci';
import type { Operation } from './operation.ts';

/** One output of a vertex: what another one, or the end of a build, uses. */
export interface Edge {
  readonly vertex: Vertex;
  readonly output: number;
}

/** One thing to be done. Immutable; named by what it does and what it does it to, so that two builds that ask for the same agree. */
export interface Vertex {
  /** `sha256:…` over operation, platform, `isUncached` and the inputs' digests: its name in progress. */
  readonly digest: string;
  readonly operation: Operation;
  readonly inputs: readonly Edge[];
  readonly platform: Platform;
  /** What people see: `[stage 2/5] RUN make`. No part of the digest. */
  readonly name: string;
  /** Done anew also when its result is known (`--no-cache`). */
  readonly isUncached: boolean;
  /** Several vertices that are shown as one: those of a COPY with several sources. */
  readonly progressGroup?: { readonly id: string; readonly name: string; readonly isWeak: boolean };
  /** The lines of the Dockerfile that it comes from: where an error is said to be. */
  readonly origin?: {
    readonly fileName: string;
    readonly text: string;
    readonly lines: { readonly first: number; readonly last: number };
  };
}
