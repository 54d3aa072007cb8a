import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { ContainerInspect, ContainerUpdateRequest } from '#api';
import {
  type CgroupNames,
  cgroupFile as fileOf,
  isCgroupFirst,
  startEngine,
  type TestEngine,
} from '../harness/index.ts';

const mebibyte = 1024 * 1024;
const isFirst = isCgroupFirst();

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

async function create(hostConfig: object, start = true): Promise<string> {
  const body = { Image: 'busybox', Cmd: ['sleep', '600'], HostConfig: { NetworkMode: 'none', ...hostConfig } };
  const { Id } = (await (await engine.request('POST', '/containers/create', body)).json()) as { Id: string };
  if (start) expect((await engine.request('POST', `/containers/${Id}/start`)).status).toBe(204);
  return Id;
}

async function update(id: string, request: ContainerUpdateRequest | object) {
  const response = await engine.request('POST', `/containers/${id}/update`, request);
  return { status: response.status, body: (await response.json()) as { Warnings?: string[] | null; message?: string } };
}

async function hostConfigOf(id: string): Promise<ContainerInspect['HostConfig']> {
  return (await engine.get<ContainerInspect>(`/containers/${id}/json`)).HostConfig;
}

const cgroupFile = (id: string, controller: string, names: CgroupNames) => fileOf(engine, id, controller, names);
const memoryLimit = (id: string) => cgroupFile(id, 'memory', { first: 'memory.limit_in_bytes', second: 'memory.max' });
const pidsLimit = (id: string) => cgroupFile(id, 'pids', { first: 'pids.max', second: 'pids.max' });

test('every limit of a running container changes at once, and stays through a restart of the engine and of it', async () => {
  const id = await create({ Memory: 64 * mebibyte, MemorySwap: 128 * mebibyte });
  const request = {
    ...{ Memory: 256 * mebibyte, MemorySwap: 512 * mebibyte, MemoryReservation: 32 * mebibyte },
    ...{ CpuShares: 512, CpuPeriod: 50_000, CpuQuota: 20_000, CpusetCpus: '0', CpusetMems: '0', PidsLimit: 40 },
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
  };
  const since = Math.trunc(Date.now() / 1000) - 1;
  expect(await update(id, request)).toEqual({ status: 200, body: { Warnings: null } });
  expect(await hostConfigOf(id)).toMatchObject(request);
  const bandwidth = async (): Promise<string> => {
    const quota = await cgroupFile(id, 'cpu', { first: 'cpu.cfs_quota_us', second: 'cpu.max' });
    return isFirst ? `${quota} ${await cgroupFile(id, 'cpu', { first: 'cpu.cfs_period_us', second: '' })}` : quota;
  };
  const seen = async () => ({
    memory: await memoryLimit(id),
    shares: await cgroupFile(id, 'cpu', { first: 'cpu.shares', second: 'cpu.weight' }),
    bandwidth: await bandwidth(),
    cpus: await cgroupFile(id, 'cpuset', { first: 'cpuset.cpus', second: 'cpuset.cpus' }),
    pids: await pidsLimit(id),
  });
  const wanted = {
    memory: '268435456',
    shares: isFirst ? '512' : '20',
    bandwidth: '20000 50000',
    cpus: '0',
    pids: '40',
  };
  expect(await seen()).toEqual(wanted);
  // Lower again, which the kernel takes in another order.
  expect((await update(id, { Memory: 32 * mebibyte, MemorySwap: 32 * mebibyte })).status).toBe(200);
  expect(await memoryLimit(id)).toBe('33554432');
  const filters = encodeURIComponent(JSON.stringify({ event: ['update'], container: [id] }));
  const until = (Date.now() / 1000 + 0.1).toFixed(3);
  const events = await (await engine.request('GET', `/events?since=${since}&until=${until}&filters=${filters}`)).text();
  expect(events.match(/"Action":"update"/g)).toHaveLength(2);
  await engine.kill();
  await engine.start();
  expect((await hostConfigOf(id)).Memory).toBe(32 * mebibyte);
  expect((await engine.request('POST', `/containers/${id}/restart?t=0`)).status).toBe(204);
  expect(await seen()).toEqual({ ...wanted, memory: '33554432' });
});

test('a container that does not run has the new limits when it starts', async () => {
  const id = await create({ PidsLimit: 50 }, false);
  expect((await update(id, { Memory: 64 * mebibyte, MemorySwap: 64 * mebibyte, PidsLimit: 30 })).status).toBe(200);
  await engine.request('POST', `/containers/${id}/start`);
  expect([await memoryLimit(id), await pidsLimit(id)]).toEqual(['67108864', '30']);
  expect((await update(id, { PidsLimit: -1 })).status).toBe(200);
  expect([await pidsLimit(id), (await hostConfigOf(id)).PidsLimit]).toEqual(['max', 0]);
});

test('what the kernel refuses changes nothing, neither the cgroup nor the record', async () => {
  const id = await create({ Memory: 64 * mebibyte, MemorySwap: 128 * mebibyte, PidsLimit: 50 });
  const before = await hostConfigOf(id);
  // There is no such throttle of a device that is none for blocks.
  const request = { Memory: 32 * mebibyte, PidsLimit: 20, BlkioDeviceReadBps: [{ Path: '/dev/null', Rate: 1000 }] };
  const { status, body } = await update(id, { ...request, MemorySwap: 64 * mebibyte });
  expect(status).toBe(500);
  expect(body.message).toStartWith(`Cannot update container ${id}: failed to write "1:3 `);
  expect(await hostConfigOf(id)).toEqual(before);
  expect([await memoryLimit(id), await pidsLimit(id)]).toEqual(['67108864', '50']);
});

test('what contradicts the container or itself is refused in Docker’s words', async () => {
  const limited = await create({ Memory: 64 * mebibyte, MemorySwap: 128 * mebibyte, CpuQuota: 20_000 }, false);
  const counted = await create({ NanoCpus: 5e8, AutoRemove: true }, false);
  const cases: [string, object, number, string][] = [
    [limited, { Memory: 256 * mebibyte }, 409, 'already set memoryswap limit, update the memoryswap at the same time'],
    [limited, { NanoCpus: 5e8 }, 409, 'Nano CPUs cannot be updated as CPU Quota has already been set'],
    [counted, { CpuQuota: 20_000 }, 409, 'CPU Quota cannot be updated as NanoCPUs has already been set'],
    [counted, { CpuPeriod: 20_000 }, 409, 'CPU Period cannot be updated as NanoCPUs has already been set'],
    [counted, { RestartPolicy: { Name: 'always' } }, 409, 'Restart policy cannot be updated because AutoRemove is'],
    [limited, { Memory: 1 }, 400, 'Minimum memory limit allowed is 6MB'],
    [limited, { CpusetCpus: '8000' }, 400, 'Requested CPUs are not available - requested 8000'],
    [limited, { RestartPolicy: { Name: 'x' } }, 400, "unknown policy 'x'"],
    [limited, { IOMaximumIOps: 1 }, 400, 'Invalid QoS settings: linux does not support Maximum IO Bandwidth'],
    [limited, { Memory: 'x' }, 400, 'cannot unmarshal string into Go struct field UpdateConfig.Memory of type int64'],
    [limited, { Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }] }, 400, 'Ulimits of a container cannot be changed'],
    [limited, { Devices: [{ PathOnHost: '/dev/null' }] }, 400, 'Devices of a container cannot be changed'],
    ['nobody', { Memory: 64 * mebibyte }, 404, 'No such container: nobody'],
  ];
  const before = await Promise.all([hostConfigOf(limited), hostConfigOf(counted)]);
  for (const [id, request, status, message] of cases) {
    const answer = await update(id, request);
    expect([answer.status, answer.body.message]).toEqual([status, expect.stringContaining(message)]);
  }
  expect(await Promise.all([hostConfigOf(limited), hostConfigOf(counted)])).toEqual(before);
  expect((await update(limited, { CpuPercent: 5, CpuCount: 1 })).body.Warnings).toEqual([
    'linux does not support CPU percent. Percent discarded.',
    'linux does not support CPU count. Count discarded.',
  ]);
});
