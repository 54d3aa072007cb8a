import type { Platform } from '#oci';
import type { BuildFiles } from '../files/types.ts';
import type { ExecOperation } from '../graph/operation.ts';
import type { LayersResult } from '../result.ts';
import type { StepRun } from './types.ts';

/**
 * How each kind of operation is done. Results are in the order of the operation's outputs; their layers are held, adopted and
 * not yet synced, and whoever called takes the holds over. A failed one leaves nothing.
 */
export interface Steps extends Pick<BuildFiles, 'step' | 'merge' | 'diff' | 'asLayers' | 'digest'> {
  exec(operation: ExecOperation, platform: Platform, run: StepRun): Promise<readonly LayersResult[]>;
}
