import { statfsSync } from 'node:fs';
import type { CachePruneRequest } from '../types.ts';

/** How the cache is kept small: rules as of prunes, tried one after the other. None keeps everything. */
export type BuildGcPolicy = readonly CachePruneRequest[];

/** What of the rules daemon.json says; sizes in bytes, 0 for no limit. */
export interface BuildGcLimits {
  readonly reservedSpaceBytes: number;
  readonly maxUsedSpaceBytes: number;
  readonly minFreeSpaceBytes: number;
}

const dayMs = 24 * 3600_000;
/** The share of things that are easily had again: e·π·φ percent, as Docker has it. */
const passingShare = (Math.E * Math.PI * ((1 + Math.sqrt(5)) / 2)) / 100;

/** A share of the disk in whole gigabytes, rounded up as Docker does it. */
function shareOfDisk(sizeBytes: number, percent: number): number {
  return (Math.floor((sizeBytes * percent) / 100 / 2 ** 30) + 1) * 1e9;
}

/** Docker's own rules, for the disk that `dataRoot` is on where no limits are said. */
export function usualGcPolicy(dataRoot: string, said?: BuildGcLimits): BuildGcPolicy {
  const { blocks, bsize } = statfsSync(dataRoot);
  const sizeBytes = blocks * bsize;
  const limits = said ?? {
    reservedSpaceBytes: shareOfDisk(sizeBytes, 10),
    maxUsedSpaceBytes: shareOfDisk(sizeBytes, 80),
    minFreeSpaceBytes: shareOfDisk(sizeBytes, 20),
  };
  const passing = ['source.local', 'exec.cachemount', 'source.git.checkout'];
  const base = Math.max(limits.reservedSpaceBytes, said === undefined ? 0 : limits.maxUsedSpaceBytes);
  return [
    {
      all: false,
      filters: new Map([['type', passing]]),
      keepDurationMs: 2 * dayMs,
      maxUsedSpaceBytes: Math.trunc(base * passingShare),
    },
    { all: false, filters: new Map(), keepDurationMs: 60 * dayMs, ...limits },
    { all: false, filters: new Map(), ...limits },
    { all: true, filters: new Map(), ...limits },
  ];
}
