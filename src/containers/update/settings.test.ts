import { describe, expect, test } from 'bun:test';
import type { Resources } from '#api';
import { cpuWeightOf, type SettingsHost, settingsOf } from './settings.ts';

const mebibyte = 1024 * 1024;
const first: SettingsHost = {
  cgroupVersion: 1,
  swapLimit: true,
  realtimeSchedule: true,
  blockWeight: true,
  blockDeviceWeight: true,
};
const second: SettingsHost = { ...first, cgroupVersion: 2, realtimeSchedule: false };
const nothing = { weights: [], readBps: [], writeBps: [], readIops: [], writeIops: [] };
const disk = { major: 8, minor: 0 };

/** `file=value` for each setting of the changes, over a container that has nothing else. */
function written(
  host: SettingsHost,
  changes: Partial<Resources>,
  before: Partial<Resources> = {},
  block = {},
): string[] {
  const zero = { Memory: 0, MemorySwap: 0, CpuPeriod: 0, CpuQuota: 0, NanoCpus: 0 };
  const next = { ...zero, ...before, ...changes } as Resources;
  return settingsOf(changes, next, { ...nothing, ...block }, host).map(
    ({ controller, file, value }) => `${controller}/${file}=${value}`,
  );
}

describe('on version 1', () => {
  test('memory: both limits, reservation, swappiness, the killer', () => {
    const changes = { Memory: 64 * mebibyte, MemorySwap: -1, MemoryReservation: 32 * mebibyte, MemorySwappiness: 7 };
    expect(written(first, { ...changes, OomKillDisable: true })).toEqual([
      'memory/memory.limit_in_bytes=67108864',
      'memory/memory.memsw.limit_in_bytes=-1',
      'memory/memory.soft_limit_in_bytes=33554432',
      'memory/memory.swappiness=7',
      'memory/memory.oom_control=1',
    ]);
  });

  test('no limit of swap where the kernel has none', () => {
    const changes = { Memory: 64 * mebibyte, MemorySwap: 128 * mebibyte };
    expect(written({ ...first, swapLimit: false }, changes)).toEqual(['memory/memory.limit_in_bytes=67108864']);
  });

  test('processors: shares, period and quota, a number of them, real time', () => {
    expect(written(first, { CpuShares: 512, CpuQuota: 20_000 }, { CpuPeriod: 50_000 })).toEqual([
      'cpu/cpu.shares=512',
      'cpu/cpu.cfs_period_us=50000',
      'cpu/cpu.cfs_quota_us=20000',
    ]);
    expect(written(first, { CpuQuota: -1 })).toEqual(['cpu/cpu.cfs_quota_us=-1']);
    expect(written(first, { NanoCpus: 1.5e9 })).toEqual([
      'cpu/cpu.cfs_period_us=100000',
      'cpu/cpu.cfs_quota_us=150000',
    ]);
    expect(written(first, { CpuRealtimePeriod: 1000, CpuRealtimeRuntime: 10 })).toEqual([
      'cpu/cpu.rt_period_us=1000',
      'cpu/cpu.rt_runtime_us=10',
    ]);
    expect(written(first, { CpusetCpus: '0-1', CpusetMems: '0' })).toEqual([
      'cpuset/cpuset.cpus=0-1',
      'cpuset/cpuset.mems=0',
    ]);
  });

  test('processes, and block devices one line each', () => {
    expect(written(first, { PidsLimit: 9 })).toEqual(['pids/pids.max=9']);
    expect(written(first, { PidsLimit: 0 })).toEqual(['pids/pids.max=max']);
    const block = {
      weights: [{ ...disk, weight: 200 }],
      readBps: [{ ...disk, rate: 5 }],
      writeIops: [{ ...disk, rate: 0 }],
    };
    expect(written(first, { BlkioWeight: 300 }, {}, block)).toEqual([
      'blkio/blkio.weight=300',
      'blkio/blkio.weight_device=8:0 200',
      'blkio/blkio.throttle.read_bps_device=8:0 5',
      'blkio/blkio.throttle.write_iops_device=8:0 0',
    ]);
  });
});

describe('on version 2', () => {
  test('memory: swap is what the limit of both leaves', () => {
    const changes = { Memory: 64 * mebibyte, MemorySwap: 96 * mebibyte, MemoryReservation: 32 * mebibyte };
    expect(written(second, changes)).toEqual([
      'memory/memory.max=67108864',
      'memory/memory.swap.max=33554432',
      'memory/memory.low=33554432',
    ]);
    expect(written(second, { MemorySwap: -1 }, { Memory: 64 * mebibyte })).toEqual(['memory/memory.swap.max=max']);
    // The limit of both stays: with more memory, less is left for swap.
    expect(written(second, { Memory: 80 * mebibyte }, { MemorySwap: 96 * mebibyte })).toEqual([
      'memory/memory.max=83886080',
      'memory/memory.swap.max=16777216',
    ]);
  });

  test('processors: shares become a weight, period and quota one line', () => {
    expect([2, 1024, 262_144].map(cpuWeightOf)).toEqual([1, 39, 10_000]);
    expect(written(second, { CpuShares: 1024 })).toEqual(['cpu/cpu.weight=39']);
    expect(written(second, { CpuQuota: 20_000 }, { CpuPeriod: 50_000 })).toEqual(['cpu/cpu.max=20000 50000']);
    expect(written(second, { CpuPeriod: 50_000 })).toEqual(['cpu/cpu.max=max 50000']);
    expect(written(second, { CpuQuota: -1 })).toEqual(['cpu/cpu.max=max 100000']);
    expect(written(second, { NanoCpus: 5e8 })).toEqual(['cpu/cpu.max=50000 100000']);
  });

  test('processes, and block devices by key', () => {
    expect(written(second, { PidsLimit: 9 })).toEqual(['pids/pids.max=9']);
    const block = {
      weights: [{ ...disk, weight: 505 }],
      readBps: [{ ...disk, rate: 5 }],
      writeIops: [{ ...disk, rate: 0 }],
    };
    expect(written(second, { BlkioWeight: 300 }, {}, block)).toEqual([
      'io/io.bfq.weight=300',
      'io/io.bfq.weight=8:0 505',
      'io/io.max=8:0 rbps=5',
      'io/io.max=8:0 wiops=max',
    ]);
    const [weight] = settingsOf({ BlkioWeight: 505 }, {} as Resources, nothing, second);
    expect(weight?.alternative).toEqual({ file: 'io.weight', value: '5000' });
  });
});
