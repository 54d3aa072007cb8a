import { expect, test } from 'bun:test';
import type { CgroupReader } from '#linux/cgroups';
import { readUsageV1 } from './cgroup-v1.ts';
import { readUsageV2 } from './cgroup-v2.ts';
import { parseNetworks, parseSystemCpu, statsOf } from './sample.ts';

const gigabyte = 1024 ** 3;

function reader(files: Readonly<Record<string, string>>): CgroupReader {
  return (controller, file) => files[`${controller}/${file}`];
}

const v1: Record<string, string> = {
  'cpuacct/cpuacct.usage': '42502154\n',
  'cpuacct/cpuacct.usage_percpu': '4393059 38109095 \n',
  'cpuacct/cpuacct.stat': 'user 1\nsystem 3\n',
  'cpu/cpu.stat': 'nr_periods 7\nnr_throttled 2\nthrottled_time 900\n',
  'memory/memory.stat': 'cache 4096\nswap 5\nhierarchical_memory_limit 9223372036854771712\ntotal_cache 8192\n',
  'memory/memory.usage_in_bytes': '466944\n',
  'memory/memory.max_usage_in_bytes': '491520\n',
  'memory/memory.limit_in_bytes': '9223372036854771712\n',
  'memory/memory.failcnt': '0\n',
  'pids/pids.current': '2\n',
  'pids/pids.max': 'max\n',
  'blkio/blkio.throttle.io_service_bytes_recursive': '8:0 Read 4096\n8:0 Total 4096\nTotal 4096\n',
};

test('version 1: its files in the form of the API', () => {
  const usage = readUsageV1(reader(v1), gigabyte);
  expect(usage?.pids_stats).toEqual({ current: 2 });
  expect(usage?.cpu).toEqual({
    cpu_usage: {
      total_usage: 42502154,
      percpu_usage: [4393059, 38109095],
      usage_in_kernelmode: 30_000_000,
      usage_in_usermode: 10_000_000,
    },
    throttling_data: { periods: 7, throttled_periods: 2, throttled_time: 900 },
  });
  expect(usage?.memory_stats).toMatchObject({ usage: 466944, max_usage: 491520, limit: gigabyte });
  expect(usage?.memory_stats).not.toHaveProperty('failcnt');
  expect(usage?.memory_stats.stats).toMatchObject({ cache: 4096, total_cache: 8192, rss: 0 });
  expect(usage?.memory_stats.stats).not.toHaveProperty('swap');
  expect(usage?.blkio_stats.io_service_bytes_recursive).toEqual([
    { major: 8, minor: 0, op: 'Read', value: 4096 },
    { major: 8, minor: 0, op: 'Total', value: 4096 },
  ]);
  expect(usage?.blkio_stats.sectors_recursive).toEqual([]);
});

test('version 1: limits of the container', () => {
  const limited = { ...v1, 'memory/memory.limit_in_bytes': '1048576\n', 'pids/pids.max': '50\n' };
  const usage = readUsageV1(reader(limited), gigabyte);
  expect(usage?.memory_stats.limit).toBe(1048576);
  expect(usage?.pids_stats).toEqual({ current: 2, limit: 50 });
});

const v2: Record<string, string> = {
  'cpu/cpu.stat':
    'usage_usec 500\nuser_usec 300\nsystem_usec 200\nnr_periods 4\nnr_throttled 1\nthrottled_usec 6\nnr_bursts 0\n',
  'memory/memory.stat': 'anon 100\nfile 200\ninactive_file 50\nworkingset_refault_anon 1\nworkingset_refault_file 2\n',
  'memory/memory.current': '4096\n',
  'memory/memory.max': 'max\n',
  'memory/memory.events': 'low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\n',
  'pids/pids.current': '5\n',
  'pids/pids.max': 'max\n',
  'io/io.stat': '254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n',
};

test('version 2: its files in the form of the API', () => {
  const usage = readUsageV2(reader(v2), gigabyte);
  expect(usage?.cpu).toEqual({
    cpu_usage: { total_usage: 500_000, usage_in_kernelmode: 200_000, usage_in_usermode: 300_000 },
    throttling_data: { periods: 4, throttled_periods: 1, throttled_time: 6000 },
  });
  expect(usage?.memory_stats).toMatchObject({ usage: 4096, failcnt: 3, limit: gigabyte });
  expect(usage?.memory_stats.stats).toMatchObject({ anon: 100, inactive_file: 50, workingset_refault: 3, slab: 0 });
  expect(usage?.blkio_stats.io_service_bytes_recursive).toEqual([
    { major: 254, minor: 0, op: 'read', value: 4096 },
    { major: 254, minor: 0, op: 'write', value: 8192 },
  ]);
  expect(usage?.blkio_stats.io_serviced_recursive).toBeNull();
});

test('version 2: no limit of processes is the largest number of 64 bits, digit by digit', () => {
  const usage = readUsageV2(reader(v2), gigabyte);
  expect(JSON.stringify(usage?.pids_stats)).toBe('{"current":5,"limit":18446744073709551615}');
  const limited = readUsageV2(reader({ ...v2, 'pids/pids.max': '7\n' }), gigabyte);
  expect(limited?.pids_stats).toEqual({ current: 5, limit: 7 });
});

test('a cgroup that is gone, and one without some controllers', () => {
  expect(readUsageV1(() => undefined, gigabyte)).toBeUndefined();
  expect(readUsageV2(() => undefined, gigabyte)).toBeUndefined();
  const bare = readUsageV1(reader({ 'cpuacct/cpuacct.usage': '1\n' }), gigabyte);
  expect(bare).toMatchObject({ pids_stats: {}, memory_stats: {} });
  expect(readUsageV2(reader({ 'cpu/cpu.stat': 'usage_usec 1\n' }), gigabyte)).toMatchObject({ memory_stats: {} });
});

test('processors and devices', () => {
  const cpu = 'cpu  10 1 5 100 4 0 2 7 0 0\ncpu0 5 1 2 50 2 0 1 0 0 0\ncpu1 5 0 3 50 2 0 1 0 0 0\nintr 1\n';
  expect(parseSystemCpu(cpu)).toEqual({ usageNs: 122 * 10_000_000, online: 2 });
  const device = `Inter-|   Receive |  Transmit
    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
  eth0: 600 8 1 2 0 0 0 0 126 3 4 5 0 0 0 0
 tunl0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n`;
  expect(parseNetworks(device)).toEqual({
    eth0: {
      rx_bytes: 600,
      rx_packets: 8,
      rx_errors: 1,
      rx_dropped: 2,
      tx_bytes: 126,
      tx_packets: 3,
      tx_errors: 4,
      tx_dropped: 5,
    },
  });
  expect(parseNetworks('    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n')).toBeUndefined();
});

test('what does not run has used nothing', () => {
  const stats = statsOf({ id: 'x', name: 'web' }, undefined, undefined);
  expect(stats).toMatchObject({
    name: '/web',
    id: 'x',
    read: '0001-01-01T00:00:00Z',
    pids_stats: {},
    memory_stats: {},
  });
  expect(stats.cpu_stats).not.toHaveProperty('online_cpus');
  expect(stats.blkio_stats.io_time_recursive).toBeNull();
  expect(stats).not.toHaveProperty('networks');
});
