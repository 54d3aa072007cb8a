import type { BuildLayers } from '#images';
import type { Slots } from '#std/slots';
import type { BuildCache } from '../cache/build-cache.ts';
import type { SourceKind } from '../sources/types.ts';
import type { Causes } from './causes.ts';
import type { Jobs } from './jobs.ts';
import type { Steps } from './steps.ts';

/** What a solver works with. */
export interface SolverParts {
  readonly cache: BuildCache;
  readonly layers: Pick<BuildLayers, 'hold' | 'release'>;
  readonly steps: Steps;
  /** By the scheme of identifiers: `docker-image`, `local`, `git`, … */
  readonly sources: Readonly<Record<string, SourceKind>>;
  /** So many processes at once. */
  readonly processSlots: Slots;
  readonly causes: Causes;
  /** Told when a build has let go of everything. */
  readonly onIdle?: () => void;
}

export type SharedParts = SolverParts & { readonly jobs: Jobs };
