import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { ContainerStats, CpuStats, NetworkStats } from '#api';
import { cgroupLayout, cgroupReader } from '#linux/cgroups';
import { formatTime, nowNs, zeroTime } from '#std/time';
import { cgroupOf } from '../exit/release.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, hasProcess } from '../record.ts';
import { readUsageV1 } from './cgroup-v1.ts';
import { readUsageV2 } from './cgroup-v2.ts';
import { blkioTables, type CgroupUsage, noCpu } from './usage.ts';

const nsPerTick = 10_000_000;
/** user, nice, system, idle, iowait, irq, softirq: what Docker counts. */
const countedTimes = 7;

/** The processors of this host: the other half of every CPU percentage. */
export interface SystemCpu {
  readonly usageNs: number;
  readonly online: number;
}

/** One look at a running container. */
export interface Sample {
  readonly readNs: bigint;
  /** Of the life that it belongs to: counters begin anew with the next one. */
  readonly startedAtNs: string;
  readonly usage: CgroupUsage;
  readonly system: SystemCpu;
  readonly networks: Record<string, NetworkStats> | undefined;
}

/** Reads the processors' time out of /proc/stat (proc_stat(5)). */
export function parseSystemCpu(text: string): SystemCpu {
  const ticks = /^cpu +(.*)$/m.exec(text)?.[1]?.split(' ').slice(0, countedTimes).map(Number) ?? [];
  return {
    usageNs: ticks.reduce((sum, value) => sum + value, 0) * nsPerTick,
    online: text.match(/^cpu\d/gm)?.length ?? 0,
  };
}

/** Reads it now. */
export function readSystemCpu(): SystemCpu {
  return parseSystemCpu(readFileSync('/proc/stat', 'latin1'));
}

/** Loopback, and the devices that kernel modules put into every network namespace. */
const foreignDevices: ReadonlySet<string> = new Set(
  'lo tunl0 gre0 gretap0 erspan0 ip_vti0 ip6_vti0 sit0 ip6tnl0 ip6gre0'.split(' '),
);

/** The devices of a container out of a /proc/PID/net/dev (proc_pid_net(5)); undefined when it has none of its own. */
export function parseNetworks(text: string): Record<string, NetworkStats> | undefined {
  const lines = text.matchAll(/^\s*([^\s:|]+):\s*(\d.*)$/gm).filter(([, name = '']) => !foreignDevices.has(name));
  const devices = Array.from(lines, ([, name = '', counters = '']) => {
    const [rx_bytes = 0, rx_packets = 0, rx_errors = 0, rx_dropped = 0, , , , , ...sent] = counters
      .split(/\s+/)
      .map(Number);
    const [tx_bytes = 0, tx_packets = 0, tx_errors = 0, tx_dropped = 0] = sent;
    const stats = { rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors, tx_dropped };
    return [name, stats] as const;
  });
  return devices.length === 0 ? undefined : Object.fromEntries(devices);
}

function networksOf({ hostConfig, life }: ContainerRecord): Sample['networks'] {
  if (hostConfig.NetworkMode === 'host') return undefined;
  try {
    return parseNetworks(readFileSync(`/proc/${life.pid}/net/dev`, 'latin1'));
  } catch {
    // Its last process ends in this very moment.
    return undefined;
  }
}

/** Looks at a container; undefined when it does not run. */
export function takeSample(record: ContainerRecord, paths: ContainerPaths, system: SystemCpu): Sample | undefined {
  if (!hasProcess(record)) return undefined;
  const readUsage = cgroupLayout().version === 2 ? readUsageV2 : readUsageV1;
  const usage = readUsage(cgroupReader(cgroupOf(record, paths)), totalmem());
  if (usage === undefined) return undefined;
  const { startedAtNs } = record.life;
  return { readNs: nowNs(), startedAtNs, usage, system, networks: networksOf(record) };
}

function cpuStats(sample: Sample | undefined): CpuStats {
  if (sample === undefined) return noCpu;
  const { cpu_usage, throttling_data } = sample.usage.cpu;
  const { usageNs, online } = sample.system;
  return { cpu_usage, system_cpu_usage: usageNs, online_cpus: online, throttling_data };
}

/** The API's form of a sample after `before`; of a container that does not run all is zero. */
export function statsOf(
  { id, name }: Pick<ContainerRecord, 'id' | 'name'>,
  now: Sample | undefined,
  before: Sample | undefined,
): ContainerStats {
  return {
    name: `/${name}`,
    id,
    read: now === undefined ? zeroTime : formatTime(now.readNs),
    preread: before === undefined ? zeroTime : formatTime(before.readNs),
    pids_stats: now?.usage.pids_stats ?? {},
    blkio_stats: now?.usage.blkio_stats ?? blkioTables(null),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuStats(now),
    precpu_stats: cpuStats(before),
    memory_stats: now?.usage.memory_stats ?? {},
    ...(now?.networks !== undefined && { networks: now.networks }),
  };
}
