import type { Resources } from '#api';
import type { CgroupSetting } from '#linux/cgroup-files';
import { type BlockLimits, cpuPeriodUs } from '../spec/index.ts';

/** What decides about the form of settings. */
export interface SettingsHost {
  readonly cgroupVersion: 1 | 2;
  readonly swapLimit: boolean;
  readonly realtimeSchedule: boolean;
  readonly blockWeight: boolean;
  readonly blockDeviceWeight: boolean;
}

/** The fields of `Resources` that can change while the container runs. */
export type Changes = Partial<Resources>;

/** Version 1's shares (2 to 262144) on the scale of version 2's weights (1 to 10000), as the runtime converts them. */
export function cpuWeightOf(shares: number): number {
  const bounded = Math.min(Math.max(shares, 2), 262_144);
  return 1 + Math.trunc(((bounded - 2) * 9999) / 262_142);
}

const everything = (bytes: number | undefined): string => (bytes === undefined || bytes < 0 ? 'max' : String(bytes));

function memoryV1({
  Memory,
  MemorySwap,
  MemoryReservation,
  MemorySwappiness,
  OomKillDisable,
}: Changes): CgroupSetting[] {
  const setting = (file: string, value: number): CgroupSetting => ({
    controller: 'memory',
    file,
    value: String(value),
  });
  const list: CgroupSetting[] = [];
  if (Memory !== undefined) list.push(setting('memory.limit_in_bytes', Memory));
  if (MemorySwap !== undefined) list.push(setting('memory.memsw.limit_in_bytes', MemorySwap));
  if (MemoryReservation !== undefined) list.push(setting('memory.soft_limit_in_bytes', MemoryReservation));
  if (typeof MemorySwappiness === 'number') list.push(setting('memory.swappiness', MemorySwappiness));
  if (typeof OomKillDisable === 'boolean') {
    list.push({ ...setting('memory.oom_control', Number(OomKillDisable)), pattern: /oom_kill_disable (\d)/ });
  }
  return list;
}

/** Swap alone is what version 2 bounds: the limit of both, less that of memory. */
function memoryV2({ Memory, MemorySwap, MemoryReservation }: Changes, next: Resources): CgroupSetting[] {
  const list: CgroupSetting[] = [];
  if (Memory !== undefined) list.push({ controller: 'memory', file: 'memory.max', value: everything(Memory) });
  if (Memory !== undefined || MemorySwap !== undefined) {
    const swap = next.MemorySwap > 0 ? Math.max(next.MemorySwap - next.Memory, 0) : undefined;
    if (next.MemorySwap !== 0) list.push({ controller: 'memory', file: 'memory.swap.max', value: everything(swap) });
  }
  if (MemoryReservation !== undefined) {
    list.push({ controller: 'memory', file: 'memory.low', value: String(Math.max(MemoryReservation, 0)) });
  }
  return list;
}

/** Period and quota in microseconds as they are to be; undefined for what is not to be written. */
function bandwidth(changes: Changes, next: Resources): { period?: number; quota?: number } {
  if (changes.NanoCpus !== undefined) {
    return { period: cpuPeriodUs, quota: Math.round((changes.NanoCpus * cpuPeriodUs) / 1e9) };
  }
  const { CpuPeriod, CpuQuota } = changes;
  if (CpuPeriod === undefined && CpuQuota === undefined) return {};
  return {
    ...(next.CpuPeriod > 0 && { period: next.CpuPeriod }),
    ...(next.CpuQuota !== 0 && { quota: next.CpuQuota }),
  };
}

function cpuV1(changes: Changes, next: Resources, host: SettingsHost): CgroupSetting[] {
  const { CpuShares, CpuRealtimePeriod, CpuRealtimeRuntime } = changes;
  const { period, quota } = bandwidth(changes, next);
  const values: [string, number | undefined][] = [
    ['cpu.shares', CpuShares],
    ['cpu.cfs_period_us', period],
    ['cpu.cfs_quota_us', quota],
    ['cpu.rt_period_us', host.realtimeSchedule ? CpuRealtimePeriod : undefined],
    ['cpu.rt_runtime_us', host.realtimeSchedule ? CpuRealtimeRuntime : undefined],
  ];
  return values.flatMap(([file, value]) =>
    value === undefined ? [] : [{ controller: 'cpu', file, value: String(value) }],
  );
}

function cpuV2(changes: Changes, next: Resources): CgroupSetting[] {
  const { period, quota } = bandwidth(changes, next);
  const list: CgroupSetting[] = [];
  if (changes.CpuShares !== undefined) {
    list.push({ controller: 'cpu', file: 'cpu.weight', value: String(cpuWeightOf(changes.CpuShares)) });
  }
  if (period !== undefined || quota !== undefined) {
    list.push({ controller: 'cpu', file: 'cpu.max', value: `${everything(quota)} ${period ?? cpuPeriodUs}` });
  }
  return list;
}

function cpuset({ CpusetCpus, CpusetMems }: Changes): CgroupSetting[] {
  return [
    ...(CpusetCpus === undefined ? [] : [{ controller: 'cpuset', file: 'cpuset.cpus', value: CpusetCpus }]),
    ...(CpusetMems === undefined ? [] : [{ controller: 'cpuset', file: 'cpuset.mems', value: CpusetMems }]),
  ];
}

/** The four kinds of throttles: of the field, of version 1's file and of version 2's key. */
const throttles = [
  ['readBps', 'blkio.throttle.read_bps_device', 'rbps'],
  ['writeBps', 'blkio.throttle.write_bps_device', 'wbps'],
  ['readIops', 'blkio.throttle.read_iops_device', 'riops'],
  ['writeIops', 'blkio.throttle.write_iops_device', 'wiops'],
] as const;

/** A file with a line for each device: the line of one is written, and the others stay. */
function deviceLine(
  where: Pick<CgroupSetting, 'controller' | 'file'>,
  { major, minor }: { major: number; minor: number },
  [value, none]: readonly [string, string],
): CgroupSetting {
  const number = `${major}:${minor}`;
  const pattern = new RegExp(`^(${number} .*)$`, 'm');
  return { ...where, value: `${number} ${value}`, pattern, absent: `${number} ${none}` };
}

function throttleSettings(block: BlockLimits, version: 1 | 2): CgroupSetting[] {
  return throttles.flatMap(([field, file, key]) =>
    block[field].map((device) =>
      version === 1
        ? deviceLine({ controller: 'blkio', file }, device, [String(device.rate), '0'])
        : deviceLine({ controller: 'io', file: 'io.max' }, device, [`${key}=${device.rate || 'max'}`, `${key}=max`]),
    ),
  );
}

/** Weights of 10 to 1000 on the scale of `io.weight` (1 to 10000). */
function ioWeightOf(weight: number): number {
  return 1 + Math.trunc(((weight - 10) * 9999) / 990);
}

function weightSettings({ BlkioWeight }: Changes, block: BlockLimits, host: SettingsHost): CgroupSetting[] {
  const isFirst = host.cgroupVersion === 1;
  const place = (suffix: string, value: string, converted: string): CgroupSetting =>
    isFirst
      ? {
          controller: 'blkio',
          file: `blkio.weight${suffix}`,
          alternative: { file: `blkio.bfq.weight${suffix}` },
          value,
        }
      : { controller: 'io', file: 'io.bfq.weight', alternative: { file: 'io.weight', value: converted }, value };
  const list: CgroupSetting[] = [];
  if (BlkioWeight !== undefined && host.blockWeight) {
    const pattern = /^(?:default )?(\d+)/;
    list.push({ ...place('', String(BlkioWeight), String(ioWeightOf(BlkioWeight))), pattern });
  }
  if (!host.blockDeviceWeight) return list;
  for (const { major, minor, weight } of block.weights) {
    const number = `${major}:${minor}`;
    const where = place('_device', `${number} ${weight}`, `${number} ${ioWeightOf(weight)}`);
    const pattern = new RegExp(`^(${number} .*)$`, 'm');
    list.push({ ...where, pattern, absent: `${number} ${isFirst ? '0' : 'default'}` });
  }
  return list;
}

/**
 * What is written into the cgroup of a running container for changes of its resources (cgroups(7); Documentation of the
 * kernel, cgroup-v1 and cgroup-v2). `next` are all of its resources with the changes made, `block` the devices of the
 * changes alone. Pure.
 */
export function settingsOf(changes: Changes, next: Resources, block: BlockLimits, host: SettingsHost): CgroupSetting[] {
  const isFirst = host.cgroupVersion === 1;
  const memory = isFirst ? memoryV1(host.swapLimit ? changes : omitSwap(changes)) : memoryV2(changes, next);
  const { PidsLimit } = changes;
  return [
    ...memory,
    ...(isFirst ? cpuV1(changes, next, host) : cpuV2(changes, next)),
    ...cpuset(changes),
    ...(typeof PidsLimit === 'number'
      ? [{ controller: 'pids', file: 'pids.max', value: PidsLimit > 0 ? String(PidsLimit) : 'max' }]
      : []),
    ...weightSettings(changes, block, host),
    ...throttleSettings(block, host.cgroupVersion),
  ];
}

function omitSwap({ MemorySwap: _swap, ...changes }: Changes): Changes {
  return changes;
}
