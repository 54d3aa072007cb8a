import type { ContainerUpdateRequest, HostConfig, Resources, RestartPolicy } from '#api';
import { fail } from '#std/errors';
import type { HostFacts } from './host.ts';
import { noResources } from './no-resources.ts';

const leastMemoryBytes = 6 * 1024 * 1024;
const leastKernelMemoryBytes = leastMemoryBytes;
const nanosPerCpu = 1e9;

function refuse(message: string): Error {
  return fail('invalid-argument', message);
}

/** Numbers of a list such as `0-3,8` (cpuset(7), "List format"); undefined when it is none. */
export function parseNumberList(text: string): Set<number> | undefined {
  const numbers = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || last > 8192) return undefined;
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}

function checkMemory(hostConfig: Resources, host: HostFacts): string[] {
  if (hostConfig.KernelMemory && hostConfig.KernelMemory < leastKernelMemoryBytes) {
    throw refuse('Minimum kernel memory limit allowed is 6MB');
  }
  const warnings: string[] = [];
  const { Memory, MemorySwap, MemoryReservation, MemorySwappiness, OomKillDisable } = hostConfig;
  if (Memory !== 0 && Memory < leastMemoryBytes) throw refuse('Minimum memory limit allowed is 6MB');
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory) {
    throw refuse('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (Memory === 0 && MemorySwap > 0) {
    throw refuse('You should always set the Memory limit when using Memoryswap limit, see usage');
  }
  if (MemorySwap > 0 && !host.swapLimit) {
    warnings.push(
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    );
  }
  if (MemorySwappiness !== null && (MemorySwappiness < -1 || MemorySwappiness > 100)) {
    throw refuse(`Invalid value: ${MemorySwappiness}, valid memory swappiness range is 0-100`);
  }
  if (MemorySwappiness !== null && MemorySwappiness >= 0 && host.cgroupVersion === 2) {
    warnings.push(
      'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
    );
  }
  if (MemoryReservation > 0 && MemoryReservation < leastMemoryBytes) {
    throw refuse('Minimum memory reservation allowed is 6MB');
  }
  if (Memory > 0 && MemoryReservation > Memory) {
    throw refuse('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
  if (OomKillDisable && host.cgroupVersion === 2) {
    warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.');
  } else if (OomKillDisable && Memory === 0) {
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
  }
  return warnings;
}

function checkList(what: 'cpus' | 'mems', asked: string, available: string): void {
  if (asked === '') return;
  const numbers = parseNumberList(asked);
  if (numbers === undefined) {
    const isLarge = asked.split(/[,-]/).every((number) => /^\d+$/.test(number)) && /\d{4,}/.test(asked);
    const reason = isLarge ? 'value of out range, maximum is 8192' : `invalid format: ${asked}`;
    throw refuse(`Invalid value ${asked} for cpuset ${what}: ${reason}`);
  }
  const present = parseNumberList(available);
  if (present === undefined || [...numbers].every((number) => present.has(number))) return;
  const name = what === 'cpus' ? 'CPUs' : 'memory nodes';
  throw refuse(`Requested ${name} are not available - requested ${asked}, available: ${available}`);
}

function checkCpu(hostConfig: Resources, host: HostFacts): string[] {
  const { NanoCpus, CpuPeriod, CpuQuota, CpuShares, CpuRealtimePeriod, CpuRealtimeRuntime } = hostConfig;
  if (NanoCpus > 0 && CpuPeriod > 0) {
    throw refuse('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  }
  if (NanoCpus > 0 && CpuQuota > 0) {
    throw refuse('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  }
  const count = host.processorCount;
  if (NanoCpus < 0 || NanoCpus > count * nanosPerCpu) {
    throw refuse(`range of CPUs is from 0.01 to ${count.toFixed(2)}, as there are only ${count} CPUs available`);
  }
  if (CpuShares < 0) throw refuse(`invalid CPU shares (${CpuShares}): value must be a positive integer`);
  if (CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000)) {
    throw refuse('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  }
  if (CpuQuota > 0 && CpuQuota < 1000) throw refuse('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if (CpuRealtimePeriod !== 0 && CpuRealtimeRuntime > CpuRealtimePeriod) {
    throw refuse('cpu real-time runtime cannot be higher than cpu real-time period');
  }
  checkList('cpus', hostConfig.CpusetCpus, host.onlineProcessors);
  checkList('mems', hostConfig.CpusetMems, host.memoryNodes);
  const warnings: string[] = [];
  if (!host.realtimeSchedule && CpuRealtimePeriod !== 0) {
    warnings.push(
      'Your kernel does not support CPU real-time scheduler period or the cgroup is not mounted. Period discarded.',
    );
  }
  if (!host.realtimeSchedule && CpuRealtimeRuntime !== 0) {
    warnings.push(
      'Your kernel does not support CPU real-time scheduler runtime or the cgroup is not mounted. Runtime discarded.',
    );
  }
  if (hostConfig.CpuPercent > 0) warnings.push('linux does not support CPU percent. Percent discarded.');
  if (hostConfig.CpuCount > 0) warnings.push('linux does not support CPU count. Count discarded.');
  return warnings;
}

function checkBlockIo(hostConfig: Resources, host: HostFacts): string[] {
  const { BlkioWeight, BlkioWeightDevice, IOMaximumIOps, IOMaximumBandwidth } = hostConfig;
  const warnings: string[] = [];
  if (BlkioWeight !== 0 && !host.blockWeight) {
    warnings.push('Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.');
  } else if (BlkioWeight !== 0 && (BlkioWeight < 10 || BlkioWeight > 1000)) {
    throw refuse('Range of blkio weight is from 10 to 1000');
  }
  if ((BlkioWeightDevice ?? []).length > 0 && !host.blockDeviceWeight) {
    warnings.push(
      'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
    );
  }
  if (IOMaximumIOps !== 0) throw refuse('invalid option: QoS maximum IOPs configuration is not supported on linux');
  if (IOMaximumBandwidth !== 0) {
    throw refuse('invalid option: QoS maximum bandwidth configuration is not supported on linux');
  }
  return warnings;
}

/**
 * Checks the limits that a container asks for against what this host has. Returns warnings for what is left out, as
 * Docker does; throws `invalid-argument` in its words for what makes no sense.
 */
export function validateResources(hostConfig: HostConfig, host: HostFacts): string[] {
  const { OomScoreAdj, ShmSize } = hostConfig;
  if (OomScoreAdj < -1000 || OomScoreAdj > 1000) {
    throw refuse(`Invalid value ${OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  if (ShmSize < 0) throw refuse('SHM size can not be less than 0');
  return checkResources(hostConfig, host);
}

function checkResources(resources: Resources, host: HostFacts): string[] {
  return [...checkMemory(resources, host), ...checkCpu(resources, host), ...checkBlockIo(resources, host)];
}

/** The same for an update, which says only what changes. */
export function validateUpdate({ RestartPolicy, ...request }: ContainerUpdateRequest, host: HostFacts): string[] {
  if ((request.IOMaximumIOps ?? 0) !== 0 || (request.IOMaximumBandwidth ?? 0) !== 0) {
    throw refuse('Invalid QoS settings: linux does not support Maximum IO Bandwidth or Maximum IO IOps');
  }
  checkRestartPolicy({ Name: RestartPolicy?.Name ?? '', MaximumRetryCount: RestartPolicy?.MaximumRetryCount ?? 0 });
  // Swap alone is an update, of a container that has a limit of memory.
  const { MemorySwap = 0, Memory = 0 } = request;
  const swapAlone = Memory === 0 && MemorySwap > 0;
  return checkResources({ ...noResources, ...request, ...(swapAlone && { MemorySwap: 0 }) }, host);
}

/** Checks a restart policy; throws `invalid-argument` in Docker's words. */
export function checkRestartPolicy({ Name, MaximumRetryCount }: RestartPolicy): void {
  const policies = ['', 'no', 'always', 'on-failure', 'unless-stopped'];
  if (!policies.includes(Name)) {
    throw refuse(
      `invalid restart policy: unknown policy '${Name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  const negative = MaximumRetryCount < 0 ? 'cannot be negative' : '';
  if (Name !== 'on-failure' && Name !== '' && MaximumRetryCount !== 0) {
    const also = negative === '' ? '' : ` and ${negative}`;
    throw refuse(`invalid restart policy: maximum retry count can only be used with 'on-failure'${also}`);
  }
  if (negative !== '') throw refuse(`invalid restart policy: maximum retry count ${negative}`);
}
