import type { Resources } from '#api';
import type { HostFacts } from './host.ts';

/** What a discard is decided by. */
type DiscardingHost = Pick<HostFacts, 'cgroupVersion' | 'swapLimit' | 'blockWeight' | 'blockDeviceWeight'>;

/**
 * The resources without those of which a warning has said that they are discarded on this host: what is kept, and shown,
 * is what a container has. Weights of devices become an empty list, as Docker shows them.
 */
export function discardUnsupported<T extends Partial<Resources>>(resources: T, host: DiscardingHost): T {
  const kept: T = { ...resources };
  if (kept.CpuPercent) kept.CpuPercent = 0;
  if (kept.CpuCount) kept.CpuCount = 0;
  if (kept.BlkioWeight && !host.blockWeight) kept.BlkioWeight = 0;
  if ((kept.BlkioWeightDevice ?? []).length > 0 && !host.blockDeviceWeight) kept.BlkioWeightDevice = [];
  if ((kept.MemorySwap ?? 0) > 0 && !host.swapLimit) kept.MemorySwap = -1;
  if (host.cgroupVersion === 2) {
    if (kept.MemorySwappiness != null) kept.MemorySwappiness = null;
    if (kept.OomKillDisable != null) kept.OomKillDisable = null;
  }
  return kept;
}
