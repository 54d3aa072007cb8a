import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerInspect, ContainerSummary } from '#api';
import { cgroupFile, isCgroupFirst, startEngine, type TestEngine, until } from '../harness/index.ts';
import { configFields, type Evidence, endpointFields, hostFields, type Scenario, type Seen } from './fields.ts';

let engine: TestEngine;
let directory: string;
beforeAll(async () => {
  engine = await startEngine();
  directory = join(engine.root, 'bound');
  mkdirSync(directory);
  writeFileSync(join(directory, 'from-host'), 'hello\n');
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

function someDisk(): { path: string; number: string } {
  const name = readdirSync('/sys/block').find(
    (entry) => existsSync(`/dev/${entry}`) && Number(readFileSync(`/sys/block/${entry}/size`, 'utf8')) > 0,
  );
  if (name === undefined) throw new Error('this host has no block device');
  return { path: `/dev/${name}`, number: readFileSync(`/sys/block/${name}/dev`, 'utf8').trim() };
}

/** The three tables with the place of each field in a request. */
function allEvidence(): { place: string; field: string; evidence: Evidence }[] {
  const host = hostFields({ directory, disk: someDisk() }, isCgroupFirst());
  const tables = { config: configFields, host, endpoint: endpointFields };
  return Object.entries(tables).flatMap(([place, table]) =>
    Object.entries(table).map(([field, evidence]) => ({ place, field, evidence })),
  );
}

type Fields = Record<string, unknown>;

function body(config: Fields, host: Fields, endpoint: Fields): object {
  const network = Object.keys(endpoint).length > 0 && { EndpointsConfig: { bridge: endpoint } };
  return {
    Image: 'busybox',
    Cmd: ['sleep', '600'],
    ...config,
    HostConfig: host,
    ...(network && { NetworkingConfig: network }),
  };
}

async function create(name: string, request: object, version = ''): Promise<{ status: number; answer: Created }> {
  const response = await engine.request('POST', `${version}/containers/create?name=${name}`, request);
  return { status: response.status, answer: (await response.json()) as Created };
}

interface Created {
  readonly Id: string;
  readonly Warnings: string[];
  readonly message?: string;
}

async function start(name: string): Promise<string> {
  const response = await engine.request('POST', `/containers/${name}/start`);
  return response.status === 204 ? '' : ((await response.json()) as { message: string }).message;
}

async function run(name: string, config: Fields, host: Fields, endpoint: Fields = {}): Promise<Created> {
  const { status, answer } = await create(name, body(config, host, endpoint));
  expect([status, answer.message]).toEqual([201, undefined]);
  expect(await start(name)).toBe('');
  return answer;
}

const inspect = (name: string) => engine.get<ContainerInspect>(`/containers/${name}/json`);
const inside = (name: string, script: string) => engine.dockerOk('exec', name, 'sh', '-c', script);

function expectMatch(found: unknown, wanted: unknown): void {
  if (wanted instanceof RegExp) expect(String(found)).toMatch(wanted);
  else expect(found).toEqual(wanted);
}

/** The fields that one container proves all together. */
test('every field that is taken is given', async () => {
  const all = allEvidence();
  const asked: Record<string, Fields> = { config: {}, host: {}, endpoint: {} };
  for (const { place, field, evidence } of all) {
    if ('ask' in evidence) asked[place] = { ...asked[place], [field]: evidence.ask };
  }
  const { Warnings } = await run('main', asked.config ?? {}, asked.host ?? {}, asked.endpoint ?? {});
  const scripts = all.flatMap(({ field, evidence }) => ('script' in evidence ? [{ field, ...evidence }] : []));
  const mark = '=-=-=';
  const output = await inside('main', scripts.map(({ script }) => `${script}\necho ${mark}`).join('\n'));
  const said = output.split(mark).map((text) => text.trim());
  const wrong = scripts.flatMap(({ field, says }, index) => {
    const text = said[index] ?? '';
    const isRight = typeof says === 'string' ? text === says : says.test(text);
    return isRight ? [] : [`${field}: ${text}`];
  });
  expect(wrong).toEqual([]);
  const seen: Seen = {
    inspect: await inspect('main'),
    warnings: Warnings,
    file: (controller, names) => cgroupFile(engine, 'main', controller, names),
  };
  for (const { evidence } of all) if ('look' in evidence) expectMatch(await evidence.look(seen), evidence.finds);
}, 60_000);

test('every field that is not taken is refused by name, and nothing is made', async () => {
  const before = (await engine.get<ContainerSummary[]>('/containers/json?all=1')).length;
  for (const { place, field, evidence } of allEvidence()) {
    if (!('refused' in evidence)) continue;
    const fields: Record<string, Fields> = {
      config: {},
      host: {},
      endpoint: {},
      [place]: { [field]: evidence.refused },
    };
    const request = body(fields.config ?? {}, { ...fields.host, ...evidence.beside }, fields.endpoint ?? {});
    const { status, answer } = await create(`refused-${field.toLowerCase()}`, request);
    expect([field, answer.message]).toEqual([field, expect.stringContaining(evidence.words)]);
    expect(status).toBeGreaterThanOrEqual(400);
  }
  expect((await engine.get<ContainerSummary[]>('/containers/json?all=1')).length).toBe(before);
  for (const { field, evidence } of allEvidence()) {
    if (!('unstartable' in evidence)) continue;
    await create(`unstartable-${field}`, body({}, { [field]: evidence.unstartable }, {}));
    expect(await start(`unstartable-${field}`)).toContain(evidence.words);
  }
}, 60_000);

const namespaceOf = (pid: number, name: string): string => readlinkSync(`/proc/${pid}/ns/${name}`);

/** What needs a container of its own, or two. */
const scenarios: Record<Scenario, () => Promise<void>> = {
  async joined() {
    await run('base', { Hostname: 'base-host' }, { IpcMode: 'shareable' });
    const joins = {
      NetworkMode: 'container:base',
      IpcMode: 'container:base',
      PidMode: 'container:base',
      NanoCpus: 5e8,
    };
    await run('joiner', {}, joins);
    const [base, joiner] = [(await inspect('base')).State.Pid, (await inspect('joiner')).State.Pid];
    for (const name of ['net', 'ipc', 'pid']) expect(namespaceOf(joiner, name)).toBe(namespaceOf(base, name));
    expect(namespaceOf(joiner, 'mnt')).not.toBe(namespaceOf(base, 'mnt'));
    expect((await inspect('joiner')).Config.Hostname).toBe('base-host');
    const quota = { first: 'cpu.cfs_quota_us', second: 'cpu.max' };
    expect(await cgroupFile(engine, 'joiner', 'cpu', quota)).toMatch(/^50000\b/);
  },
  async host() {
    const modes = { NetworkMode: 'host', IpcMode: 'host', PidMode: 'host', UTSMode: 'host', UsernsMode: 'host' };
    await run('hostly', {}, { ...modes, Privileged: true });
    const { State, HostConfig } = await inspect('hostly');
    for (const name of ['net', 'ipc', 'pid', 'uts', 'user']) {
      expect(namespaceOf(State.Pid, name)).toBe(namespaceOf(engine.pid(), name));
    }
    expect(HostConfig.SecurityOpt).toEqual(['label=disable']);
    const bounding = (pid: number): string =>
      /CapBnd:\s*(\w+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
    expect(bounding(State.Pid)).toBe(bounding(engine.pid()));
    const refused = await create('userns', body({}, { UsernsMode: 'private' }, {}));
    expect(refused.answer.message).toBe('invalid user namespace mode: private');
  },
  async ended() {
    await run('gone', { Cmd: ['true'] }, { AutoRemove: true });
    await until('it to be removed', async () => (await engine.request('GET', '/containers/gone/json')).status === 404);
    const { answer } = await create('gone', body({}, { AutoRemove: true, RestartPolicy: { Name: 'always' } }, {}));
    expect(answer.message).toBe("can't create 'AutoRemove' container with restart policy");
  },
  async restarted() {
    const Healthcheck = { Test: ['CMD', 'true'], Interval: 20_000_000 };
    await run('well', { Healthcheck }, {});
    await run('again', { Cmd: ['false'] }, { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 1 } });
    await until('it to be started again', async () => (await inspect('again')).RestartCount === 1);
    await until('it to be healthy', async () => (await inspect('well')).State.Health?.Status === 'healthy');
  },
  async runtimes() {
    const { answer } = await create('unknown', body({}, { Runtime: 'nope' }, {}));
    expect(answer.message).toBe('unknown or invalid runtime name: nope');
    await run('plainly', {}, {});
    expect((await inspect('plainly')).HostConfig.Runtime).toBe('crun');
    // The other runtime: the same container, its execs and its failures, and an engine that dies over it.
    const { Id } = await run('other', { Tty: true }, { Runtime: 'runc', Memory: 64 * 1024 * 1024 });
    expect(existsSync(join(engine.execRoot, 'runtime', Id, 'state.json'))).toBe(true);
    const script = 'grep -E "^(Seccomp|CapEff):" /proc/1/status | cut -f 2; unshare -U true 2>&1; ls /dev/console';
    const denied = 'unshare: unshare(0x10000000): Operation not permitted';
    await engine.kill();
    await engine.start();
    expect(await inside('other', script)).toBe(`00000000a80425fb\n2\n${denied}\n/dev/console`);
    const failed = await engine.docker('run', '--rm', '--runtime', 'runc', 'busybox', 'nothing-of-the-kind');
    expect([failed.code, failed.stderr]).toEqual([
      127,
      expect.stringContaining('exec: "nothing-of-the-kind": executable file not found in $PATH'),
    ]);
    expect((await engine.request('DELETE', '/containers/other?force=1')).status).toBe(204);
    expect(existsSync(join(engine.execRoot, 'runtime', Id))).toBe(false);
  },
  async unplugged() {
    await run('unplugged', { NetworkDisabled: true }, {});
    expect(await inside('unplugged', 'ls /sys/class/net')).toBe('lo');
    expect((await inspect('unplugged')).NetworkSettings.Networks).toEqual({});
  },
  async streams() {
    const piped = await engine.dockerWith({ input: 'through' }, 'run', '-i', '--rm', 'busybox', 'cat');
    expect(piped.stdout).toBe('through');
  },
  async linked() {
    await run('target', {}, {});
    await run('linking', {}, { Links: ['target:other'] });
    const { IPAddress } = (await inspect('target')).NetworkSettings;
    expect(await inside('linking', 'grep other /etc/hosts')).toStartWith(`${IPAddress}\tother `);
  },
  async parent() {
    await run('plain', {}, {});
    const cgroupOf = async (name: string): Promise<string> => {
      const text = readFileSync(`/proc/${(await inspect(name)).State.Pid}/cgroup`, 'utf8');
      return /^\d+:(?:[^:]*\bmemory\b[^:]*)?:(.*)$/m.exec(text)?.[1] ?? '';
    };
    // Below the engine's own: it goes with the engine.
    const parent = join(await cgroupOf('plain'), '..', 'below');
    const { Id } = await run('placed', {}, { CgroupParent: parent, Annotations: { 'org.example.a': 'b' } });
    expect(await cgroupOf('placed')).toBe(join(parent, Id));
    const spec = JSON.parse(readFileSync(join(engine.execRoot, 'bundles', Id, 'config.json'), 'utf8')) as {
      annotations: object;
    };
    expect(spec.annotations).toMatchObject({ 'org.example.a': 'b' });
  },
  async realtime() {
    const { status, answer } = await create(
      'rt',
      body({}, { CpuRealtimePeriod: 1000, CpuRealtimeRuntime: 10_000 }, {}),
    );
    const words = 'cpu real-time runtime cannot be higher than cpu real-time period';
    expect([status, answer.message]).toEqual([400, words]);
  },
  async 'old-client'() {
    const bytes = 64 * 1024 * 1024;
    const host = { KernelMemory: bytes, KernelMemoryTCP: bytes };
    expect((await create('old', body({}, host, {}), '/v1.41')).status).toBe(201);
    expect((await inspect('old')).HostConfig).toMatchObject(host);
    expect(await start('old')).toBe('');
    if (isCgroupFirst()) {
      const names = { first: 'memory.kmem.tcp.limit_in_bytes', second: '' };
      expect(await cgroupFile(engine, 'old', 'memory', names)).toBe(String(bytes));
    }
    const { answer } = await create('older', body({}, { KernelMemory: 1 }, {}), '/v1.41');
    expect(answer.message).toBe('Minimum kernel memory limit allowed is 6MB');
  },
  async stopped() {
    await run('signalled', { StopSignal: 'SIGUSR1' }, { Init: true });
    await run('deaf', { Cmd: ['sh', '-c', 'trap "" TERM; echo ready; sleep 600'], StopTimeout: 0 }, {});
    await until('the trap', async () => (await engine.dockerOk('logs', 'deaf')) === 'ready');
    for (const [name, code] of [
      ['signalled', 138],
      ['deaf', 137],
    ] as const) {
      expect((await engine.request('POST', `/containers/${name}/stop`)).status).toBe(204);
      expect((await inspect(name)).State.ExitCode).toBe(code);
    }
  },
  async 'volumes-of'() {
    await run('owner', { Volumes: { '/data': {} }, Cmd: ['sh', '-c', 'echo kept > /data/file; sleep 600'] }, {});
    await until(
      'the file',
      async () => (await engine.docker('exec', 'owner', 'cat', '/data/file')).stdout === 'kept\n',
    );
    await run('borrower', {}, { VolumesFrom: ['owner:ro'] });
    expect(await inside('borrower', 'cat /data/file; touch /data/x 2>&1 | grep -c Read-only')).toBe('kept\n1');
  },
};

for (const [name, scenario] of Object.entries(scenarios)) test(`a scenario of its own: ${name}`, scenario, 60_000);

test('inspect shows no field that the tables do not know', async () => {
  const { Config, HostConfig, NetworkSettings } = await inspect('main');
  const known = allEvidence();
  const unknown = (place: string, shown: object): string[] =>
    Object.keys(shown).filter((field) => !known.some((one) => one.place === place && one.field === field));
  expect(unknown('config', Config)).toEqual([]);
  expect(unknown('host', HostConfig)).toEqual([]);
  expect(unknown('endpoint', NetworkSettings.Networks.bridge ?? {})).toEqual([]);
});
