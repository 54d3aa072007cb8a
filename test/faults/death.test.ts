import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import type { ContainerInspect } from '#api';
import { cgroupLayout, freeze, isFreezing } from '#linux/cgroups';
import { isAlive, startEngine, until } from '../harness/index.ts';
import { expectComplete, expectWholeLog, type Numbered, numberedArguments } from './numbered.ts';

const twenty: Numbered[] = Array.from({ length: 20 }, (_, index) => ({
  name: `counter-${index}`,
  lines: 100 + index * 10,
  code: index + 1,
}));

test('kill -9 of the engine while 20 containers start, run, log and exit', async () => {
  await using engine = await startEngine();
  const promised = new Set<string>();
  const launch = async (numbered: Numbered): Promise<void> => {
    const ran = await engine.docker('run', '-d', ...numberedArguments(numbered));
    if (ran.code === 0) promised.add(numbered.name);
  };
  await Promise.all(twenty.slice(0, 10).map(launch));
  expect(promised.size).toBe(10);

  // In the midst of the other ten.
  const others = twenty.slice(10).map(launch);
  await Promise.race(others);
  await engine.kill();
  await Promise.all(others);
  await engine.start();
  await engine.kill();
  await engine.start();

  const held = new Set((await engine.dockerOk('ps', '-a', '--format', '{{.Names}}')).split('\n'));
  expect([...promised].filter((name) => !held.has(name))).toEqual([]);
  for (const numbered of twenty) {
    const { name } = numbered;
    // What was not promised may be there or not; where it is, it works.
    if (!held.has(name)) await engine.dockerOk('create', ...numberedArguments(numbered));
    if ((await engine.dockerOk('inspect', '-f', '{{.State.Status}}', name)) === 'created')
      await engine.dockerOk('start', name);
  }
  await Promise.all(twenty.map((numbered) => expectComplete(engine, numbered)));
  await engine.dockerOk('rm', ...twenty.map(({ name }) => name));
  expect(await engine.settledLeftovers()).toEqual([]);
}, 120_000);

test('kill -9 of the engine: what ends meanwhile is reported afterwards', async () => {
  await using engine = await startEngine();
  const short = { name: 'short', lines: 30, code: 42 };
  await engine.dockerOk('run', '-d', ...numberedArguments(short));
  const pid = Number(await engine.dockerOk('inspect', '-f', '{{.State.Pid}}', 'short'));
  await engine.kill();
  await until('the container to end', () => !isAlive(pid));
  await engine.start();
  await expectComplete(engine, short);
});

test('kill -9 of the engine: restart policy, health check and auto-remove go on', async () => {
  await using engine = await startEngine();
  const inspect = (name: string, field: string) => engine.dockerOk('inspect', '-f', `{{${field}}}`, name);
  await engine.dockerOk(
    'run',
    '-d',
    '--name',
    'eternal',
    '--restart',
    'always',
    'busybox',
    'sh',
    '-c',
    'sleep 0.3; exit 1',
  );
  const health = ['--health-cmd', 'test ! -e /sick', '--health-interval', '100ms', '--health-retries', '1'];
  await engine.dockerOk('run', '-d', '--name', 'checked', ...health, 'busybox', 'sleep', '600');
  await engine.dockerOk('run', '-d', '--rm', '--name', 'brief', 'busybox', 'sleep', '1');
  await until('health', async () => (await inspect('checked', '.State.Health.Status')) === 'healthy');
  const pid = Number(await inspect('brief', '.State.Pid'));
  await engine.kill();
  await until('the brief one to end', () => !isAlive(pid));
  await engine.start();

  await until('auto-remove', async () => (await engine.docker('inspect', 'brief')).code !== 0);
  // The engine's start counts anew, as Docker's does.
  const before = await inspect('eternal', '.State.StartedAt');
  await until('another restart', async () => (await inspect('eternal', '.State.StartedAt')) !== before);
  await engine.dockerOk('exec', 'checked', 'touch', '/sick');
  await until('sickness', async () => (await inspect('checked', '.State.Health.Status')) === 'unhealthy');
  await engine.dockerOk('rm', '-f', 'eternal', 'checked');
});

test('kill -9 of the engine: what it had frozen for itself goes on, what a client paused does not', async () => {
  await using engine = await startEngine();
  const status = (name: string) => engine.dockerOk('inspect', '-f', '{{.State.Status}}', name);
  const cgroupOf = async (name: string): Promise<string> => {
    const pid = await engine.dockerOk('inspect', '-f', '{{.State.Pid}}', name);
    const controller = cgroupLayout().version === 1 ? /^\d+:(?:.*,)?freezer(?:,.*)?:(.*)$/m : /^0::(.*)$/m;
    return controller.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '/nowhere';
  };
  for (const name of ['half', 'paused', 'committed']) {
    await engine.dockerOk('run', '-d', '--name', name, 'busybox', 'sleep', '1000');
  }
  await engine.dockerOk('pause', 'paused');
  await engine.dockerOk('exec', 'committed', 'dd', 'if=/dev/urandom', 'of=/random', 'bs=1M', 'count=40');
  let isCommitted = false;
  const commit = engine.docker('commit', 'committed', 'kept:latest').then(() => {
    isCommitted = true;
  });
  await until('the commit to pause', async () => {
    const { State } = await engine.get<ContainerInspect>('/containers/committed/json');
    return State.Paused || isCommitted;
  });
  // As an engine that dies between the two steps of a pause.
  const half = await cgroupOf('half');
  await freeze(half);
  await engine.kill();
  await commit;
  await engine.start();
  expect([await status('half'), await status('paused'), await status('committed')]).toEqual([
    'running',
    'paused',
    'running',
  ]);
  expect([isFreezing(half), isFreezing(await cgroupOf('committed'))]).toEqual([false, false]);
  await engine.dockerOk('rm', '-f', 'half', 'paused', 'committed');
  expect(await engine.settledLeftovers()).toEqual([]);
});

test('kill -9 of the engine: attached clients come to an end, and so do those who wait', async () => {
  await using engine = await startEngine();
  await engine.dockerOk('run', '-d', '--name', 'long', 'busybox', 'sh', '-c', 'while :; do echo x; sleep 0.05; done');
  const environment = { ...process.env, DOCKER_HOST: engine.host };
  const clients = [['attach', '--no-stdin', 'long'], ['logs', '-f', 'long'], ['wait', 'long'], ['events']].map((args) =>
    Bun.spawn([engine.dockerCli, ...args], { stdout: 'pipe', stderr: 'ignore', env: environment, timeout: 30_000 }),
  );
  const [attached, followed] = clients;
  await attached?.stdout.getReader().read();
  await followed?.stdout.getReader().read();
  await engine.kill();
  await Promise.all(clients.map((client) => client.exited));
  // Each ended by itself, and not by the signal of its timeout.
  expect(clients.map(({ signalCode }) => signalCode)).toEqual([null, null, null, null]);
  await engine.start();
  expect(await engine.dockerOk('inspect', '-f', '{{.State.Running}}', 'long')).toBe('true');
});

test('kill -9 of the keeper: containers live, logs go on, exits are reported', async () => {
  await using engine = await startEngine();
  const counters = twenty.slice(0, 6);
  for (const numbered of counters) await engine.dockerOk('run', '-d', ...numberedArguments(numbered));
  const pid = await engine.dockerOk('inspect', '-f', '{{.State.Pid}}', 'counter-5');
  const keeper = engine.keeperPid();
  await engine.killKeeper();
  await until('a new keeper', () => engine.keeperPid() !== keeper);
  expect(await engine.dockerOk('inspect', '-f', '{{.State.Pid}}', 'counter-5')).toBe(pid);
  for (const numbered of counters) {
    const code = await engine.dockerOk('wait', numbered.name);
    const error = await engine.dockerOk('inspect', '-f', '{{.State.Error}}', numbered.name);
    // The right code where the kernel can still tell, else an honest word.
    if (code !== String(numbered.code)) expect(`${code} ${error}`).toStartWith('255 the exit code is unknown');
    await expectWholeLog(engine, numbered);
  }
  expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'new')).toBe('new');
});

test('kill -9 of engine and keeper together', async () => {
  await using engine = await startEngine();
  const counters = twenty.slice(0, 6);
  for (const numbered of counters) await engine.dockerOk('run', '-d', ...numberedArguments(numbered));
  await engine.kill();
  await engine.killKeeper();
  await engine.start();
  for (const numbered of counters) {
    const code = await engine.dockerOk('wait', numbered.name);
    expect(['255', String(numbered.code)]).toContain(code);
    await expectWholeLog(engine, numbered);
  }
  await engine.dockerOk('rm', ...counters.map(({ name }) => name));
  expect(await engine.settledLeftovers()).toEqual([]);
});

test('an upgrade under load: the engine stops and another takes over, three times', async () => {
  await using engine = await startEngine();
  const counters = twenty.slice(0, 10).map((numbered) => ({ ...numbered, lines: 400 }));
  await Promise.all(counters.map((numbered) => engine.dockerOk('run', '-d', ...numberedArguments(numbered))));
  for (let round = 0; round < 3; round++) {
    await engine.stop();
    await engine.start();
    expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'served')).toBe('served');
  }
  await Promise.all(counters.map((numbered) => expectComplete(engine, numbered)));
}, 120_000);
