import type { BlkioStats, ContainerStats, CpuStats } from '#api';

/** What a cgroup has used until now, in the API's form. */
export interface CgroupUsage extends Pick<ContainerStats, 'pids_stats' | 'blkio_stats' | 'memory_stats'> {
  readonly cpu: Pick<CpuStats, 'cpu_usage' | 'throttling_data'>;
}

/** Every table of block I/O, with `entries` where the kernel keeps none. */
export function blkioTables(entries: [] | null): BlkioStats {
  const none = (): [] | null => entries && [];
  return {
    io_service_bytes_recursive: none(),
    io_serviced_recursive: none(),
    io_queue_recursive: none(),
    io_service_time_recursive: none(),
    io_wait_time_recursive: none(),
    io_merged_recursive: none(),
    io_time_recursive: none(),
    sectors_recursive: none(),
  };
}

/** The CPU of what does not run. */
export const noCpu: CpuStats = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

/** The lines `name number` of a flat-keyed file of the kernel. */
export function flatKeyed(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) values.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return values;
}

/** The fields that are not zero: Docker leaves the others out. */
export function nonZero<T extends Record<string, number>>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== 0)) as Partial<T>;
}

/** The memory limit in force: no container has more than the machine. */
export function limitBytes(text: string | undefined, machineBytes: number): number {
  const limit = text?.trim() ?? 'max';
  return limit === 'max' ? machineBytes : Math.min(Number(limit), machineBytes);
}
