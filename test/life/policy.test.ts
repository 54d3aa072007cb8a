import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerState } from '#api';
import { isAlive, killHard, startEngine, type TestEngine, until } from '../harness/index.ts';
import { createContainer, inspect, post, ready, removeAll, startContainer } from './made.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** Long enough that nothing but a hang makes it pass. */
const patience = 20_000;

function exited(id: string): Promise<ContainerState> {
  return until(
    `${id} to have exited`,
    async () => {
      const { State } = await inspect(engine, id);
      return State.Status === 'exited' ? State : undefined;
    },
    patience,
  );
}

/** Actions of all events of a container so far. */
async function actionsOf(id: string): Promise<string[]> {
  const till = (Date.now() / 1000 + 0.05).toFixed(3);
  const filters = encodeURIComponent(JSON.stringify({ container: [id] }));
  const text = await (await engine.request('GET', `/events?since=0&until=${till}&filters=${filters}`)).text();
  return text
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { Action: string }).Action);
}

async function waitAnswer(id: string, condition = ''): Promise<unknown> {
  return (await engine.request('POST', `/containers/${id}/wait?condition=${condition}`)).json();
}

test('inspect says why a container ended, and by whom', async () => {
  const ran = (script: string, more: object = {}) => startContainer(engine, { Cmd: ['sh', '-c', script], ...more });
  const own = await ran('exit 3');
  expect((await exited(own)).ExitReason).toEqual({ Cause: 'exit', By: 'process', Message: 'exited with code 3' });
  const killed = await startContainer(engine);
  await post(engine, `/containers/${killed}/kill`);
  expect((await exited(killed)).ExitReason).toMatchObject({ Cause: 'signal', By: 'client', Signal: 'SIGKILL' });
  const stopped = await startContainer(engine);
  await ready(engine, stopped);
  await post(engine, `/containers/${stopped}/stop?t=60`);
  expect(await exited(stopped)).toMatchObject({
    ExitCode: 0,
    ExitReason: { Cause: 'exit', By: 'client', Signal: 'SIGTERM' },
  });
  const fromHost = await startContainer(engine);
  process.kill((await inspect(engine, fromHost)).State.Pid, 'SIGKILL');
  expect((await exited(fromHost)).ExitReason).toMatchObject({ Cause: 'signal', By: 'host', Signal: 'SIGKILL' });
  const absent = await createContainer(engine, { Cmd: ['no-such-command'] });
  await post(engine, `/containers/${absent}/start`);
  expect((await inspect(engine, absent)).State.ExitReason?.Cause).toBe('start-failure');
  await removeAll(engine, own, killed, stopped, fromHost, absent);
});

test('out of memory: the main process is the cause; a child is told of, and its parent goes on; each told once', async () => {
  const HostConfig = { Memory: 16 << 20, MemorySwap: 16 << 20 };
  const main = await startContainer(engine, { Cmd: ['tail', '/dev/zero'], HostConfig });
  expect(await exited(main)).toMatchObject({
    ExitCode: 137,
    OOMKilled: true,
    ExitReason: { Cause: 'oom', By: 'kernel' },
  });
  const parent = await startContainer(engine, { Cmd: ['sh', '-c', 'tail /dev/zero; exit 5'], HostConfig });
  const state = await exited(parent);
  expect(state).toMatchObject({ ExitCode: 5, OOMKilled: true, ExitReason: { Cause: 'exit', By: 'process' } });
  expect(state.ExitReason?.Message).toContain('for want of memory');
  for (const id of [main, parent]) expect((await actionsOf(id)).filter((action) => action === 'oom')).toHaveLength(1);
  await removeAll(engine, main, parent);
});

test('a restart policy goes on when a start of its own fails; a start by a person is not tried again', async () => {
  const source = join(engine.root, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'file'), '');
  const id = await startContainer(engine, {
    HostConfig: {
      RestartPolicy: { Name: 'unless-stopped' },
      Mounts: [{ Type: 'bind', Source: join(source, 'file'), Target: '/file' }],
    },
  });
  rmSync(source, { recursive: true });
  process.kill((await inspect(engine, id)).State.Pid, 'SIGKILL');
  const failing = await until(
    'a start that fails',
    async () => {
      const { State, RestartCount } = await inspect(engine, id);
      return State.Error !== '' && RestartCount > 1 ? State : undefined;
    },
    patience,
  );
  expect(failing).toMatchObject({ Status: 'restarting', Running: true, Restarting: true, ExitCode: 137 });
  mkdirSync(source);
  writeFileSync(join(source, 'file'), '');
  await until('it to run again', async () => (await inspect(engine, id)).State.Status === 'running', patience);
  const absent = { Cmd: ['no-such-command'], HostConfig: { RestartPolicy: { Name: 'always' } } };
  const person = await createContainer(engine, absent);
  expect((await post(engine, `/containers/${person}/start`)).status).toBe(400);
  expect(await inspect(engine, person)).toMatchObject({ RestartCount: 0, State: { Status: 'created', ExitCode: 127 } });
  await removeAll(engine, id, person);
  rmSync(source, { recursive: true });
});

test('wait: the error of a start that failed, a removal, the next exit, and no condition of another name', async () => {
  const absent = await createContainer(engine, { Cmd: ['no-such-command'] });
  const removed = waitAnswer(absent, 'removed');
  await post(engine, `/containers/${absent}/start`);
  const { Error: error, StatusCode } = (await waitAnswer(absent)) as { Error: { Message: string }; StatusCode: number };
  expect(StatusCode).toBe(127);
  expect(error.Message).toContain('executable file not found in $PATH');
  await removeAll(engine, absent);
  expect(await removed).toEqual({ StatusCode: 127 });
  const id = await startContainer(engine);
  const next = waitAnswer(id, 'next-exit');
  expect(await post(engine, `/containers/${id}/wait?condition=later`)).toEqual({
    status: 400,
    message: 'invalid condition: "later"',
  });
  await post(engine, `/containers/${id}/kill`);
  expect(await next).toEqual({ StatusCode: 137 });
  await removeAll(engine, id);
});

test('a container that is removed at its end outlives its restart by hand', async () => {
  const id = await startContainer(engine, { HostConfig: { AutoRemove: true } });
  const before = (await inspect(engine, id)).State.StartedAt;
  expect((await post(engine, `/containers/${id}/restart?t=0`)).status).toBe(204);
  expect((await inspect(engine, id)).State.StartedAt).not.toBe(before);
  await post(engine, `/containers/${id}/stop?t=0`);
  await until(
    'it to be gone',
    async () => (await engine.request('GET', `/containers/${id}/json`)).status === 404,
    patience,
  );
});

test('what cannot be done is refused in Docker’s words', async () => {
  const id = await startContainer(engine, {}, 'worded');
  const answers: Readonly<Record<string, string>> = {
    'worded/kill?signal=99': '400 cannot kill container: worded: the linux daemon does not support signal 99',
    'worded/kill?signal=FOO': '400 cannot kill container: worded: invalid signal: FOO',
    'nobody/kill': '404 cannot kill container: nobody: No such container: nobody',
    'worded/stop?signal=FOO': '400 cannot stop container: worded: invalid signal: FOO',
    'worded/unpause': `500 Container ${id} is not paused`,
  };
  for (const [path, answer] of Object.entries(answers)) {
    const { status, message } = await post(engine, `/containers/${path}`);
    expect(`${status} ${message}`).toBe(answer);
  }
  const link = await engine.request('DELETE', '/containers/worded?link=1');
  expect(await link.json()).toEqual({ message: 'Conflict, cannot remove the default link name of the container' });
  await removeAll(engine, id);
});

test('a container that waits for its restart can be killed: the restart is given up', async () => {
  const config = { Cmd: ['false'], HostConfig: { RestartPolicy: { Name: 'always' } } };
  const id = await startContainer(engine, config);
  // By then the pause between two starts is longer than anything here takes.
  await until(
    'a long pause',
    async () => {
      const { State, RestartCount } = await inspect(engine, id);
      return State.Restarting && RestartCount >= 4;
    },
    patience,
  );
  expect((await post(engine, `/containers/${id}/kill`)).status).toBe(204);
  expect((await inspect(engine, id)).State.Status).toBe('exited');
  await removeAll(engine, id);
});

test('after the death of everything: what was stopped stays so, the rest comes back, what others need first', async () => {
  const always = { Name: 'always' };
  const main = await startContainer(engine, { HostConfig: { RestartPolicy: always } }, 'z-main');
  const side = await startContainer(
    engine,
    { HostConfig: { RestartPolicy: always, NetworkMode: 'container:z-main', PidMode: 'container:z-main' } },
    'a-side',
  );
  expect((await inspect(engine, side)).HostConfig.NetworkMode).toBe(`container:${main}`);
  const stopped = await startContainer(engine, { HostConfig: { RestartPolicy: { Name: 'unless-stopped' } } });
  await post(engine, `/containers/${stopped}/stop?t=0`);
  const thrown = await startContainer(engine, { HostConfig: { AutoRemove: true } });
  const once = await startContainer(engine);
  const pids = await Promise.all([main, side, thrown, once].map(async (id) => (await inspect(engine, id)).State.Pid));
  await engine.kill();
  await engine.killKeeper();
  for (const pid of pids) await killHard(pid);
  await engine.start();
  await until(
    'all to run',
    async () => {
      const all = await Promise.all([main, side].map((id) => inspect(engine, id)));
      return all.every(({ State }) => State.Status === 'running' && !pids.includes(State.Pid) && isAlive(State.Pid));
    },
    patience,
  );
  expect((await inspect(engine, main)).RestartCount).toBe(0);
  expect((await inspect(engine, side)).State.Error).toBe('');
  expect((await inspect(engine, stopped)).State.Status).toBe('exited');
  expect((await inspect(engine, once)).State.ExitReason).toBeDefined();
  await until(
    'auto-remove',
    async () => (await engine.request('GET', `/containers/${thrown}/json`)).status === 404,
    patience,
  );
  for (const id of [main, side, once]) {
    expect((await actionsOf(id)).filter((action) => action === 'die')).toHaveLength(1);
  }
  await removeAll(engine, main, side, stopped, once);
  expect(await engine.settledLeftovers()).toEqual([]);
}, 60_000);
