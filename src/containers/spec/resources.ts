import type { HostConfig } from '#api';
import type { OciDeviceRule, OciResources, OciThrottle } from '#oci';
import type { HostFacts } from './host.ts';

/** The period over which a number of CPUs is turned into a quota. */
export const cpuPeriodUs = 100_000;

/** Block devices by number, as the readers found them (`readBlockDevices`). */
export interface BlockLimits {
  readonly weights: readonly { readonly major: number; readonly minor: number; readonly weight: number }[];
  readonly readBps: readonly OciThrottle[];
  readonly writeBps: readonly OciThrottle[];
  readonly readIops: readonly OciThrottle[];
  readonly writeIops: readonly OciThrottle[];
}

/** Drops what is undefined; undefined when nothing is left. */
function present<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T | undefined {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T);
}

function nonZero(value: number | null | undefined): number | undefined {
  return value ? value : undefined;
}

function filled<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}

function memoryOf(hostConfig: HostConfig, host: HostFacts): OciResources['memory'] {
  const { Memory, MemorySwap, MemoryReservation, MemorySwappiness, OomKillDisable } = hostConfig;
  const swappiness = MemorySwappiness === null || MemorySwappiness < 0 ? undefined : MemorySwappiness;
  // Twice the memory is what a container may use with swap when nothing is said.
  const swap = MemorySwap !== 0 ? MemorySwap : Memory > 0 ? Memory * 2 : undefined;
  return present<NonNullable<OciResources['memory']>>({
    limit: nonZero(Memory),
    reservation: nonZero(MemoryReservation),
    swap: host.swapLimit ? swap : undefined,
    kernelTCP: host.cgroupVersion === 1 ? nonZero(hostConfig.KernelMemoryTCP) : undefined,
    swappiness: host.cgroupVersion === 1 ? swappiness : undefined,
    disableOOMKiller: host.cgroupVersion === 1 && OomKillDisable ? true : undefined,
  });
}

function cpuOf(hostConfig: HostConfig, host: HostFacts): OciResources['cpu'] {
  const { NanoCpus, CpuQuota, CpuPeriod } = hostConfig;
  const quota = NanoCpus > 0 ? Math.round((NanoCpus * cpuPeriodUs) / 1e9) : CpuQuota > 0 ? CpuQuota : undefined;
  return present<NonNullable<OciResources['cpu']>>({
    shares: nonZero(hostConfig.CpuShares),
    quota,
    period: NanoCpus > 0 ? cpuPeriodUs : nonZero(CpuPeriod),
    realtimeRuntime: host.realtimeSchedule ? nonZero(hostConfig.CpuRealtimeRuntime) : undefined,
    realtimePeriod: host.realtimeSchedule ? nonZero(hostConfig.CpuRealtimePeriod) : undefined,
    cpus: hostConfig.CpusetCpus || undefined,
    mems: hostConfig.CpusetMems || undefined,
  });
}

/** The cgroup settings of a container (config-linux.md, "Control groups"). Only what is asked for is written. */
export function resourcesOf(
  hostConfig: HostConfig,
  host: HostFacts,
  devices: readonly OciDeviceRule[],
  block: BlockLimits,
): OciResources {
  const { PidsLimit } = hostConfig;
  const resources = present<OciResources>({
    devices,
    memory: memoryOf(hostConfig, host),
    cpu: cpuOf(hostConfig, host),
    pids: PidsLimit !== null && PidsLimit > 0 ? { limit: PidsLimit } : undefined,
    blockIO: present<NonNullable<OciResources['blockIO']>>({
      weight: host.blockWeight ? nonZero(hostConfig.BlkioWeight) : undefined,
      weightDevice: host.blockDeviceWeight ? filled(block.weights) : undefined,
      throttleReadBpsDevice: filled(block.readBps),
      throttleWriteBpsDevice: filled(block.writeBps),
      throttleReadIOPSDevice: filled(block.readIops),
      throttleWriteIOPSDevice: filled(block.writeIops),
    }),
  });
  return resources ?? {};
}
