import type { BuildLayers, MeasuredDraft } from '#images';
import type { LayerDraft } from '#store';
import type { Result } from '../result.ts';
import type { Steps } from '../solver/steps.ts';
import type { OpenedResult } from '../types.ts';

/** What the builder does with files. Heavy work is done in processes of its own (`estiba build-worker`). */
export interface BuildFiles extends Omit<Steps, 'exec'> {
  /** Hashes the tar of a draft, to be called before `BuildLayers.adopt`. */
  measure(draft: LayerDraft, signal: AbortSignal): Promise<MeasuredDraft>;
  /** Mounts a chain for reading. The caller keeps the result as long as that is open. */
  open(result: Result): Promise<OpenedResult>;
  /** Ends the processes; work at hand fails. */
  close(): void;
}

export interface FileParts {
  readonly builds: BuildLayers;
  /** Starts this program as `estiba build-worker`; without it all is done in this process. */
  readonly workerCommand?: readonly string[];
}
