import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startEngine, type TestEngine, until } from '../harness/index.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const state = (name: string, field: string): Promise<string> => engine.dockerOk('inspect', '-f', `{{${field}}}`, name);

/** A container that says when it is ready, so that a signal does not come before its trap. */
async function startReady(name: string, script: string, ...flags: string[]): Promise<void> {
  await engine.dockerOk(
    'run',
    '-d',
    '--name',
    name,
    ...flags,
    'busybox',
    'sh',
    '-c',
    `${script}; echo ready; while :; do sleep 0.05; done`,
  );
  await until('the container to be ready', async () => (await engine.dockerOk('logs', name)).includes('ready'));
}

test('stop: the signal first, and the exit code that the process chose', async () => {
  await startReady('polite', 'trap "exit 5" TERM');
  await engine.dockerOk('stop', 'polite');
  expect(await state('polite', '.State.Status')).toBe('exited');
  expect(await state('polite', '.State.ExitCode')).toBe('5');
  await engine.dockerOk('rm', 'polite');
});

test('stop: a deaf process is killed after the time given', async () => {
  await startReady('deaf', 'trap "" TERM');
  const startedAt = performance.now();
  await engine.dockerOk('stop', '-t', '1', 'deaf');
  expect(performance.now() - startedAt).toBeGreaterThan(900);
  expect(await state('deaf', '.State.ExitCode')).toBe('137');
  await engine.dockerOk('rm', 'deaf');
});

test('stop: the signal that the container asked for', async () => {
  await startReady('wanted', 'trap "exit 6" USR2', '--stop-signal', 'USR2');
  await engine.dockerOk('stop', 'wanted');
  expect(await state('wanted', '.State.ExitCode')).toBe('6');
  await engine.dockerOk('rm', 'wanted');
});

test('kill: any signal, 9 when none is named', async () => {
  await startReady('target', 'trap "echo caught" USR1');
  await engine.dockerOk('kill', '-s', 'USR1', 'target');
  await until('the trap to run', async () => (await engine.dockerOk('logs', 'target')).includes('caught'));
  expect(await state('target', '.State.Running')).toBe('true');
  await engine.dockerOk('kill', 'target');
  expect(await engine.dockerOk('wait', 'target')).toBe('137');
  expect((await engine.docker('kill', 'target')).stderr).toContain('is not running');
  await engine.dockerOk('rm', 'target');
});

test('rm refuses a running container, and -f does not', async () => {
  await engine.dockerOk('run', '-d', '--name', 'busy', 'busybox', 'sleep', '600');
  const { code, stderr } = await engine.docker('rm', 'busy');
  expect(code).toBe(1);
  expect(stderr).toContain('container is running: stop the container before removing or force remove');
  await engine.dockerOk('rm', '-f', 'busy');
  expect((await engine.docker('container', 'inspect', 'busy')).stderr).toContain('No such container: busy');
});

test('pause freezes, unpause thaws', async () => {
  await engine.dockerOk('run', '-d', '--name', 'frozen', 'busybox', 'sh', '-c', 'while :; do echo x; sleep 0.02; done');
  await engine.dockerOk('pause', 'frozen');
  expect(await engine.dockerOk('ps', '-f', 'name=frozen', '--format', '{{.Status}}')).toContain('(Paused)');
  expect((await engine.docker('exec', 'frozen', 'true')).stderr).toContain(
    'is paused, unpause the container before exec',
  );
  const lines = async (): Promise<number> => (await engine.dockerOk('logs', 'frozen')).split('\n').length;
  // What was in the pipe when it froze may still arrive.
  let before = await lines();
  await until('the log to be still', async () => {
    const last = before;
    before = await lines();
    return before === last;
  });
  await engine.dockerOk('unpause', 'frozen');
  await until('the log to grow again', async () => (await lines()) > before);
  await engine.dockerOk('rm', '-f', 'frozen');
});

test('restart: another process, the same container', async () => {
  await engine.dockerOk('run', '-d', '--name', 'again', 'busybox', 'sleep', '600');
  const before = await state('again', '.State.Pid');
  await engine.dockerOk('restart', '-t', '0', 'again');
  expect(await state('again', '.State.Running')).toBe('true');
  expect(await state('again', '.State.Pid')).not.toBe(before);
  await engine.dockerOk('rm', '-f', 'again');
});

test('restart on-failure:2: two more tries, and then it stays down', async () => {
  await engine.dockerOk('run', '-d', '--name', 'failing', '--restart', 'on-failure:2', 'busybox', 'sh', '-c', 'exit 3');
  await until('the last try', async () => (await state('failing', '.RestartCount')) === '2');
  await until('the end', async () => (await state('failing', '.State.Status')) === 'exited');
  expect(await state('failing', '.State.ExitCode')).toBe('3');
  await engine.dockerOk('rm', 'failing');
});

test('restart always: comes back by itself, and not after stop', async () => {
  await engine.dockerOk('run', '-d', '--name', 'eternal', '--restart', 'always', 'busybox', 'sh', '-c', 'sleep 0.2');
  await until('it to come back', async () => Number(await state('eternal', '.RestartCount')) >= 1);
  await engine.dockerOk('stop', '-t', '0', 'eternal');
  expect(await state('eternal', '.State.Running')).toBe('false');
  expect(await state('eternal', '.State.Restarting')).toBe('false');
  await engine.dockerOk('rm', 'eternal');
});

test('wait: several containers, each its code', async () => {
  await engine.dockerOk('run', '-d', '--name', 'first', 'busybox', 'sh', '-c', 'exit 11');
  await engine.dockerOk('run', '-d', '--name', 'second', 'busybox', 'sh', '-c', 'sleep 0.2; exit 12');
  expect(await engine.dockerOk('wait', 'first', 'second')).toBe('11\n12');
  await engine.dockerOk('rm', 'first', 'second');
});

test('wait for removal answers when the container is gone', async () => {
  const id = await engine.dockerOk('run', '-d', 'busybox', 'sh', '-c', 'exit 4');
  const waiting = engine.request('POST', `/containers/${id}/wait?condition=removed`);
  await until('the exit', async () => (await state(id, '.State.Status')) === 'exited');
  await engine.dockerOk('rm', id);
  expect(await (await waiting).json()).toEqual({ StatusCode: 4 });
});

test('start and stop of what is so already are no errors, and say so', async () => {
  const id = await engine.dockerOk('run', '-d', 'busybox', 'sleep', '600');
  expect((await engine.request('POST', `/containers/${id}/start`)).status).toBe(304);
  await engine.dockerOk('stop', '-t', '0', id);
  expect((await engine.request('POST', `/containers/${id}/stop`)).status).toBe(304);
  await engine.dockerOk('rm', id);
});

test('a health check passes from starting to healthy, and to unhealthy', async () => {
  const flags = ['--health-cmd', 'test ! -e /sick', '--health-interval', '100ms', '--health-retries', '2'];
  await engine.dockerOk('run', '-d', '--name', 'checked', ...flags, 'busybox', 'sleep', '600');
  await until('health', async () => (await state('checked', '.State.Health.Status')) === 'healthy');
  await engine.dockerOk('exec', 'checked', 'touch', '/sick');
  await until('sickness', async () => (await state('checked', '.State.Health.Status')) === 'unhealthy');
  await engine.dockerOk('rm', '-f', 'checked');
});

test('events tell a life in order, later too', async () => {
  const since = (Date.now() / 1000).toFixed(3);
  const id = await engine.dockerOk('run', '-d', '--rm', 'busybox', 'sh', '-c', 'exit 3');
  await until('removal', async () => (await engine.docker('inspect', id)).code !== 0);
  expect(await engine.actionsOf(id, since)).toEqual(['create', 'start', 'die', 'destroy']);
});

test('prune removes what does not run, and only that', async () => {
  const running = await engine.dockerOk('run', '-d', 'busybox', 'sleep', '600');
  await engine.dockerOk('run', 'busybox', 'true');
  await engine.dockerOk('container', 'prune', '-f');
  expect(await engine.dockerOk('ps', '-aq', '--no-trunc')).toBe(running);
  await engine.dockerOk('rm', '-f', running);
});

test('rm -f and stop take a container that keeps restarting, whatever it is about to do', async () => {
  for (let round = 0; round < 6; round++) {
    await engine.dockerOk('run', '-d', '--name', 'restless', '--restart', 'always', 'busybox', 'sleep', '0.02');
    await until('a restart', async () => Number(await state('restless', '.RestartCount')) > round % 3);
    if (round % 2 === 1) {
      await engine.dockerOk('stop', '-t', '0', 'restless');
      expect(await state('restless', '.State.Status')).toBe('exited');
    }
    await engine.dockerOk('rm', '-f', 'restless');
  }
}, 60_000);

test('twenty at once, three times: every exit is told', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `crowd-${index}`);
  for (let round = 0; round < 3; round++) {
    await Promise.all(names.map((name) => engine.dockerOk('run', '-d', '--name', name, 'busybox', 'sleep', '600')));
    await engine.dockerOk('rm', '-f', ...names);
  }
}, 120_000);

test('nothing is left of containers that are gone', async () => {
  expect(await engine.settledLeftovers()).toEqual([]);
});
