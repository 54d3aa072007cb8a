import type { ContainerStats } from '#api';
import { shortId } from '#std/identifiers';
import { printBinarySize, printSize } from '#std/sizes';
import type { Listing } from '../../print/listing.ts';

/** A row of `stats`; without a sample its numbers are not known. */
export interface UsageRow {
  /** As it was asked for. */
  readonly container: string;
  readonly id: string;
  readonly name: string;
  readonly sample: ContainerStats | undefined;
  /** The sample failed: the row has dashes. */
  readonly failed?: boolean;
}

const unknown = '--';

/** Share of all processors' time since the sample before, in percent; two full processors are 200. */
export function cpuPercent({ cpu_stats: now, precpu_stats: before }: ContainerStats): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const processors = now.online_cpus || now.cpu_usage.percpu_usage?.length || 0;
  return used > 0 && passed > 0 ? (used / passed) * processors * 100 : 0;
}

/** Memory in use without the page cache that can go at any time: of cgroup v1, else of v2. */
export function memoryBytes({ memory_stats: memory }: ContainerStats): number {
  const usage = memory.usage ?? 0;
  for (const inactive of [memory.stats?.total_inactive_file, memory.stats?.inactive_file]) {
    if (inactive !== undefined && inactive < usage) return usage - inactive;
    if (inactive !== undefined && memory.stats?.total_inactive_file === inactive) break;
  }
  return usage;
}

function memoryPercent(sample: ContainerStats): number {
  const limit = sample.memory_stats.limit ?? 0;
  return limit === 0 ? 0 : (memoryBytes(sample) / limit) * 100;
}

function networkText({ networks = {} }: ContainerStats): string {
  const all = Object.values(networks);
  const received = all.reduce((sum, { rx_bytes }) => sum + rx_bytes, 0);
  const sent = all.reduce((sum, { tx_bytes }) => sum + tx_bytes, 0);
  return `${printSize(received, 3)} / ${printSize(sent, 3)}`;
}

function blockText({ blkio_stats }: ContainerStats): string {
  const sumOf = (letter: string): number =>
    (blkio_stats.io_service_bytes_recursive ?? [])
      .filter(({ op }) => op.toLowerCase().startsWith(letter))
      .reduce((sum, { value }) => sum + value, 0);
  return `${printSize(sumOf('r'), 3)} / ${printSize(sumOf('w'), 3)}`;
}

/** How the usage of containers is listed. */
export function usageListing(truncated: boolean): Listing<UsageRow> {
  const of =
    (text: (sample: ContainerStats) => string, absent = unknown): ((row: UsageRow) => string) =>
    ({ sample }) =>
      sample ? text(sample) : absent;
  const columns = ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'];
  return {
    type: 'container.statsContext',
    table: columns.map((name) => `{{.${name}}}`).join('\t'),
    fields: {
      Container: { heading: 'CONTAINER', text: ({ container }) => container },
      Name: { heading: 'NAME', text: ({ name }) => name || unknown },
      ID: { heading: 'CONTAINER ID', text: ({ id }) => (truncated ? shortId(id) : id) },
      CPUPerc: { heading: 'CPU %', text: of((sample) => `${cpuPercent(sample).toFixed(2)}%`) },
      MemUsage: {
        heading: 'MEM USAGE / LIMIT',
        text: of(
          (sample) => `${printBinarySize(memoryBytes(sample))} / ${printBinarySize(sample.memory_stats.limit ?? 0)}`,
          `${unknown} / ${unknown}`,
        ),
      },
      MemPerc: { heading: 'MEM %', text: of((sample) => `${memoryPercent(sample).toFixed(2)}%`) },
      NetIO: { heading: 'NET I/O', text: of(networkText) },
      BlockIO: { heading: 'BLOCK I/O', text: of(blockText) },
      PIDs: { heading: 'PIDS', text: of(({ pids_stats }) => String(pids_stats.current ?? 0)) },
    },
  };
}
