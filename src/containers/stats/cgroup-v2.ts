import type { BlkioEntry, ExactNumber } from '#api';
import type { CgroupReader } from '#linux/cgroups';
import { blkioTables, type CgroupUsage, flatKeyed, limitBytes, nonZero } from './usage.ts';

const nsPerUs = 1000;

/** The counters of memory.stat that Docker shows. */
const memoryCounters = [
  'active_anon',
  'active_file',
  'anon',
  'anon_thp',
  'file',
  'file_dirty',
  'file_mapped',
  'file_writeback',
  'inactive_anon',
  'inactive_file',
  'kernel_stack',
  'pgactivate',
  'pgdeactivate',
  'pgfault',
  'pglazyfree',
  'pglazyfreed',
  'pgmajfault',
  'pgrefill',
  'pgscan',
  'pgsteal',
  'shmem',
  'slab',
  'slab_reclaimable',
  'slab_unreclaimable',
  'sock',
  'thp_collapse_alloc',
  'thp_fault_alloc',
  'unevictable',
  'workingset_activate',
  'workingset_nodereclaim',
  'workingset_refault',
];

/** What Docker says for `max`: the largest number of 64 bits, which a double would round up to one that does not fit. */
const unlimited = (JSON as unknown as { rawJSON(text: string): ExactNumber }).rawJSON('18446744073709551615');

/** Lines `8:0 rbytes=4096 wbytes=0 rios=1 …`. */
function blkioEntries(text: string): BlkioEntry[] {
  return Array.from(text.matchAll(/^(\d+):(\d+) (.*)$/gm), ([, major, minor, fields = '']) =>
    (['read', 'write'] as const).map((op) => ({
      major: Number(major),
      minor: Number(minor),
      op,
      value: Number(new RegExp(`\\b${op[0]}bytes=(\\d+)`).exec(fields)?.[1] ?? 0),
    })),
  ).flat();
}

function cpuOf(text: string): CgroupUsage['cpu'] {
  const values = flatKeyed(text);
  const ns = (name: string): number => (values.get(name) ?? 0) * nsPerUs;
  return {
    cpu_usage: {
      total_usage: ns('usage_usec'),
      usage_in_kernelmode: ns('system_usec'),
      usage_in_usermode: ns('user_usec'),
    },
    throttling_data: {
      periods: values.get('nr_periods') ?? 0,
      throttled_periods: values.get('nr_throttled') ?? 0,
      throttled_time: ns('throttled_usec'),
    },
  };
}

function memoryOf(read: CgroupReader, machineBytes: number): CgroupUsage['memory_stats'] {
  const counters = read('memory', 'memory.stat');
  if (counters === undefined) return {};
  const values = flatKeyed(counters);
  // Newer kernels count anonymous and file pages apart.
  const refaults = (values.get('workingset_refault_anon') ?? 0) + (values.get('workingset_refault_file') ?? 0);
  if (!values.has('workingset_refault')) values.set('workingset_refault', refaults);
  const failures = flatKeyed(read('memory', 'memory.events') ?? '').get('oom') ?? 0;
  return {
    ...nonZero({ usage: Number(read('memory', 'memory.current') ?? 0) }),
    stats: Object.fromEntries(memoryCounters.map((name) => [name, values.get(name) ?? 0])),
    ...nonZero({ failcnt: failures }),
    limit: limitBytes(read('memory', 'memory.max'), machineBytes),
  };
}

/** The usage of a cgroup by the files of version 2 (Linux, cgroup-v2); undefined when the cgroup is gone. */
export function readUsageV2(read: CgroupReader, machineBytes: number): CgroupUsage | undefined {
  const cpu = read('cpu', 'cpu.stat');
  if (cpu === undefined) return undefined;
  const limit = (read('pids', 'pids.max') ?? '0').trim();
  const io = read('io', 'io.stat');
  const entries = blkioEntries(io ?? '');
  return {
    pids_stats: {
      ...nonZero({ current: Number(read('pids', 'pids.current') ?? 0) }),
      ...(limit === 'max' ? { limit: unlimited } : nonZero({ limit: Number(limit) })),
    },
    blkio_stats: { ...blkioTables(null), ...(entries.length > 0 && { io_service_bytes_recursive: entries }) },
    cpu: cpuOf(cpu),
    memory_stats: memoryOf(read, machineBytes),
  };
}
