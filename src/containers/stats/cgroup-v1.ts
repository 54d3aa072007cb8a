import type { BlkioEntry, BlkioStats } from '#api';
import type { CgroupReader } from '#linux/cgroups';
import { blkioTables, type CgroupUsage, flatKeyed, limitBytes, nonZero } from './usage.ts';

const nsPerTick = 10_000_000;

/** The counters of memory.stat that Docker shows; each again as `total_…` for the cgroup with those below it. */
const ownCounters = [
  'active_anon',
  'active_file',
  'cache',
  'dirty',
  'inactive_anon',
  'inactive_file',
  'mapped_file',
  'pgfault',
  'pgmajfault',
  'pgpgin',
  'pgpgout',
  'rss',
  'rss_huge',
  'unevictable',
  'writeback',
];
const memoryCounters = [
  ...ownCounters,
  ...ownCounters.map((name) => `total_${name}`),
  'hierarchical_memory_limit',
  'hierarchical_memsw_limit',
].sort();

function numberOf(text: string | undefined): number {
  return Number(text?.trim() ?? 0);
}

/** Lines `8:0 Read 4096`; the sum at the end belongs to no device. */
function entriesOf(text: string | undefined): BlkioEntry[] {
  const lines = (text ?? '').matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm);
  return Array.from(lines, ([, major, minor, op = '', value]) => ({
    major: Number(major),
    minor: Number(minor),
    op,
    value: Number(value),
  }));
}

function blkioOf(read: CgroupReader): BlkioStats {
  const table = (name: string): BlkioEntry[] =>
    entriesOf(read('blkio', `blkio.throttle.${name}_recursive`) ?? read('blkio', `blkio.throttle.${name}`));
  return {
    ...blkioTables([]),
    io_service_bytes_recursive: table('io_service_bytes'),
    io_serviced_recursive: table('io_serviced'),
  };
}

function cpuOf(read: CgroupReader, total: string): CgroupUsage['cpu'] {
  const ticks = flatKeyed(read('cpuacct', 'cpuacct.stat') ?? '');
  const throttling = flatKeyed(read('cpu', 'cpu.stat') ?? '');
  const perCpu = (read('cpuacct', 'cpuacct.usage_percpu') ?? '').trim();
  return {
    cpu_usage: {
      total_usage: numberOf(total),
      ...(perCpu !== '' && { percpu_usage: perCpu.split(' ').map(Number) }),
      usage_in_kernelmode: (ticks.get('system') ?? 0) * nsPerTick,
      usage_in_usermode: (ticks.get('user') ?? 0) * nsPerTick,
    },
    throttling_data: {
      periods: throttling.get('nr_periods') ?? 0,
      throttled_periods: throttling.get('nr_throttled') ?? 0,
      throttled_time: throttling.get('throttled_time') ?? 0,
    },
  };
}

function memoryOf(read: CgroupReader, machineBytes: number): CgroupUsage['memory_stats'] {
  const counters = read('memory', 'memory.stat');
  if (counters === undefined) return {};
  const values = flatKeyed(counters);
  return {
    ...nonZero({
      usage: numberOf(read('memory', 'memory.usage_in_bytes')),
      max_usage: numberOf(read('memory', 'memory.max_usage_in_bytes')),
    }),
    stats: Object.fromEntries(memoryCounters.map((name) => [name, values.get(name) ?? 0])),
    ...nonZero({ failcnt: numberOf(read('memory', 'memory.failcnt')) }),
    limit: limitBytes(read('memory', 'memory.limit_in_bytes'), machineBytes),
  };
}

/** The usage of a cgroup by the files of version 1 (Linux, cgroup-v1); undefined when the cgroup is gone. */
export function readUsageV1(read: CgroupReader, machineBytes: number): CgroupUsage | undefined {
  const total = read('cpuacct', 'cpuacct.usage');
  if (total === undefined) return undefined;
  const limit = numberOf(read('pids', 'pids.max')?.replace('max', '0'));
  return {
    pids_stats: nonZero({ current: numberOf(read('pids', 'pids.current')), limit }),
    blkio_stats: blkioOf(read),
    cpu: cpuOf(read, total),
    memory_stats: memoryOf(read, machineBytes),
  };
}
