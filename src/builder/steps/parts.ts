import type { HostConfig } from '#api';
import type { BuildLayers, MeasuredDraft } from '#images';
import type { Networks } from '#networks';
import type { LayerDraft, Records } from '#store';

/** Resolvers, search domains and options of resolv.conf(5); those of the host where there are none. */
export type StepDns = Pick<HostConfig, 'Dns' | 'DnsSearch' | 'DnsOptions'>;

/** What steps are run with. */
export interface StepParts {
  readonly builds: BuildLayers;
  readonly networks: Networks;
  readonly records: Records;
  readonly dataRoot: string;
  readonly execRoot: string;
  /** Path of crun. */
  readonly runtime: string;
  /** First part of the cgroup path of every process of this engine. */
  readonly cgroupParent: string;
  /** The engine's settings of who answers for names; asked each time. */
  readonly dns: () => StepDns;
  /** Digest and size of what a step has written (`BuildFiles.measure`). */
  readonly measure: (draft: LayerDraft, signal: AbortSignal) => Promise<MeasuredDraft>;
}

/** What is in the way of every step, by its id: volatile, below the exec root. */
export function stepsDirectory({ execRoot }: Pick<StepParts, 'execRoot'>): string {
  return `${execRoot}/build`;
}

/** What the processes of a client's container have, each by its id, in the directory of that container. */
export function processesDirectory(directory: string): string {
  return `${directory}/processes`;
}

/** Where changes go that are thrown away: on the disk of the layers, gone with their step. */
export function scratchDirectory({ dataRoot }: Pick<StepParts, 'dataRoot'>): string {
  return `${dataRoot}/build/scratch`;
}
