import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { ContainerStats, ContainerTop, DiskUsage } from '#api';
import { startEngine, type TestEngine, until } from '../harness/index.ts';

let engine: TestEngine;
const never = '0001-01-01T00:00:00Z';

beforeAll(async () => {
  engine = await startEngine();
  await engine.dockerOk(
    'run',
    '-d',
    '--name',
    'busy',
    '-m',
    '64m',
    '--pids-limit',
    '50',
    'busybox',
    'sh',
    '-c',
    worker,
  );
  await engine.dockerOk('create', '--name', 'still', 'busybox', 'true');
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const worker = 'while :; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; sleep 0.01; done';
const oneStats = (name: string, query: string): Promise<ContainerStats> =>
  engine.get(`/containers/${name}/stats?stream=false${query}`);

test('stats: one answer with the sample before it', async () => {
  const stats = await oneStats('busy', '');
  expect(stats).toMatchObject({
    name: '/busy',
    num_procs: 0,
    storage_stats: {},
    memory_stats: { limit: 64 * 1024 ** 2 },
  });
  expect(Date.parse(stats.preread)).toBeLessThan(Date.parse(stats.read));
  const { cpu_stats: now, precpu_stats: before } = stats;
  expect(now.cpu_usage.total_usage).toBeGreaterThan(before.cpu_usage.total_usage);
  expect(now.system_cpu_usage).toBeGreaterThan(before.system_cpu_usage ?? 0);
  expect(now.online_cpus).toBeGreaterThan(0);
  expect(stats.memory_stats.usage).toBeGreaterThan(0);
  expect(stats.memory_stats.stats).toHaveProperty('inactive_file');
  expect(stats.pids_stats.current).toBeGreaterThan(0);
  expect(stats.pids_stats.limit).toBe(50);
  expect(stats.blkio_stats).toHaveProperty('io_service_bytes_recursive');
  await until('the container to be sent something', async () => {
    return ((await oneStats('busy', '&one-shot=1')).networks?.eth0?.rx_bytes ?? 0) > 0;
  });
});

test('stats: a sample alone, of what does not run, and of what is not there', async () => {
  const alone = await oneStats('busy', '&one-shot=1');
  expect(alone.preread).toBe(never);
  expect(alone.precpu_stats.cpu_usage.total_usage).toBe(0);
  const still = await oneStats('still', '');
  expect(still).toMatchObject({ name: '/still', read: never, pids_stats: {}, memory_stats: {} });
  expect(still.cpu_stats).not.toHaveProperty('system_cpu_usage');
  expect((await engine.request('GET', '/containers/nothing/stats')).status).toBe(404);
  const both = await engine.request('GET', '/containers/busy/stats?one-shot=1');
  expect([both.status, await both.json()]).toEqual([400, { message: 'cannot have stream=true and one-shot=true' }]);
  // Before 1.41 there was no such parameter.
  expect((await engine.get<ContainerStats>('/v1.40/containers/busy/stats?stream=false&one-shot=1')).preread).not.toBe(
    never,
  );
});

test('stats: a stream, each sample after the last, until the container is gone', async () => {
  await engine.dockerOk('run', '-d', '--name', 'brief', '--network', 'none', 'busybox', 'sleep', '600');
  const response = await engine.request('GET', '/containers/brief/stats');
  const samples: ContainerStats[] = [];
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += new TextDecoder().decode(chunk);
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    samples.push(...lines.map((line) => JSON.parse(line) as ContainerStats));
    if (samples.length === 2) await engine.request('POST', '/containers/brief/kill');
    if (samples.at(-1)?.read === never) await engine.request('DELETE', '/containers/brief?force=1');
  }
  const [first, second, ...rest] = samples;
  expect(second?.preread).toBe(first?.read ?? '');
  expect(first).not.toHaveProperty('networks');
  expect(rest.at(-1)?.read).toBe(never);
});

test('stats: the docker CLI draws them', async () => {
  const [row = ''] = (await engine.dockerOk('stats', '--no-stream', '--format', '{{json .}}', 'busy')).split('\n');
  const { Name, CPUPerc, MemUsage, NetIO, PIDs } = JSON.parse(row) as Record<string, string>;
  expect({ Name, MemUsage }).toEqual({ Name: 'busy', MemUsage: expect.stringMatching(/^[\d.]+[KM]iB \/ 64MiB$/) });
  expect(Number.parseFloat(CPUPerc ?? '')).toBeGreaterThan(0);
  expect(NetIO).toMatch(/B \/ /);
  expect(Number(PIDs)).toBeGreaterThan(0);
});

test('stats: many containers at once cost one timer, and all of them answer', async () => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => oneStats(index % 2 ? 'busy' : 'still', '')),
  );
  expect(answers.map(({ name }) => name)).toEqual(
    Array.from({ length: 50 }, (_, index) => (index % 2 ? '/busy' : '/still')),
  );
});

test('top: the usual formats, others by ps, and what is refused', async () => {
  const top = (query: string): Promise<ContainerTop> => engine.get(`/containers/busy/top${query}`);
  const usual = await top('');
  expect(usual.Titles).toEqual(['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
  const [main] = usual.Processes ?? [];
  expect(main).toHaveLength(8);
  expect([main?.[0], main?.[7]]).toEqual(['root', `sh -c ${worker}`]);
  expect(main?.[1]).toBe(await engine.dockerOk('inspect', '-f', '{{.State.Pid}}', 'busy'));
  const command = await engine.dockerOk('top', 'busy', '-o', 'pid,comm');
  expect(
    command
      .split('\n')
      .slice(0, 2)
      .map((line) => line.split(/ {2,}/)),
  ).toEqual([
    ['PID', 'COMMAND'],
    [main?.[1] ?? '', 'sh'],
  ]);
  const byPs = await engine.request('GET', '/containers/busy/top?ps_args=-eo%20pid,wchan,comm');
  if (Bun.which('ps') === null) expect(byPs.status).toBe(503);
  else
    expect(await byPs.json()).toMatchObject({
      Titles: ['PID', 'WCHAN', 'COMMAND'],
      Processes: expect.arrayContaining([[main?.[1], expect.any(String), 'sh']]),
    });
  for (const [target, status, message] of [
    ['busy/top?ps_args=-o%20comm', 500, "Couldn't find PID field in ps output"],
    ['busy/top?ps_args=-o%20ppid%3DPID', 500, 'specifying "ppid=PID" is not allowed'],
    ['still/top', 409, / is not running$/],
    ['nothing/top', 404, 'No such container: nothing'],
  ] as const) {
    const answer = await engine.request('GET', `/containers/${target}`);
    const expected = typeof message === 'string' ? message : expect.stringMatching(message);
    expect([answer.status, await answer.json()]).toEqual([status, { message: expected }]);
  }
});

test('what is on the disk: system/df, and sizes in list and inspect', async () => {
  const script = 'dd if=/dev/zero of=/big bs=1024 count=512; dd if=/dev/zero of=/data/file bs=1024 count=256';
  await engine.dockerOk('run', '--name', 'writer', '-v', 'kept:/data', 'busybox', 'sh', '-c', script);
  const usage = await engine.get<DiskUsage>('/system/df');
  const [image] = usage.Images ?? [];
  expect(image).toMatchObject({ RepoTags: ['busybox:latest'], SharedSize: 0 });
  expect(usage.LayersSize).toBe(image?.Size ?? 0);
  expect(image?.Containers).toBe(usage.Containers?.length ?? 0);
  const writer = usage.Containers?.find(({ Names }) => Names[0] === '/writer');
  expect(writer?.SizeRw).toBe(512 * 1024);
  expect(usage.Containers?.find(({ Names }) => Names[0] === '/still')).not.toHaveProperty('SizeRw');
  expect(usage.Volumes).toMatchObject([{ Name: 'kept', UsageData: { RefCount: 1, Size: 256 * 1024 } }]);
  expect(usage.BuildCache).toEqual([]);
  const inspected = await engine.get<{ SizeRw: number; SizeRootFs: number }>('/containers/writer/json?size=1');
  expect(inspected).toMatchObject({ SizeRw: 512 * 1024, SizeRootFs: 512 * 1024 + (image?.Size ?? 0) });
  expect(await engine.get<DiskUsage>('/system/df?type=volume')).toMatchObject({
    LayersSize: 0,
    Images: null,
    Containers: null,
    BuildCache: null,
  });
  expect((await engine.get<DiskUsage>('/v1.41/system/df?type=volume')).Images).toHaveLength(1);
  const wrong = await engine.request('GET', '/system/df?type=bad');
  expect([wrong.status, await wrong.json()]).toEqual([400, { message: 'unknown object type: bad' }]);
  expect(await engine.dockerOk('system', 'df', '--format', '{{.Type}} {{.TotalCount}}')).toContain('Local Volumes 1');
});

test('every version of the API answers, and none beside them', async () => {
  const versions = Array.from({ length: 51 - 24 + 1 }, (_, index) => 24 + index);
  for (const path of [
    'containers/json?all=1',
    'containers/busy/json',
    'images/json',
    'info',
    'system/df',
    'networks',
  ]) {
    const answers = await Promise.all(versions.map((version) => engine.request('GET', `/v1.${version}/${path}`)));
    expect([path, ...answers.map(({ status }) => status)]).toEqual([path, ...versions.map(() => 200)]);
    for (const answer of answers) await answer.body?.cancel();
  }
  expect((await engine.request('GET', '/v1.23/info')).status).toBe(400);
  expect((await engine.request('GET', '/v1.52/info')).status).toBe(400);
});
