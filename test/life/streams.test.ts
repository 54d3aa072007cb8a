import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { ExecInspect } from '../../src/api/index.ts';
import { startEngine, type TestEngine, until } from '../harness/index.ts';
import { createContainer } from './made.ts';
import { StalledClient } from './stalled-client.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const shell = (script: string): string[] => ['busybox', 'sh', '-c', script];

test('logs: all, the last, with times, each stream its own', async () => {
  await engine.dockerOk('run', '--name', 'told', ...shell('for i in 1 2 3 4 5; do echo line $i; done; echo bad >&2'));
  const all = await engine.docker('logs', 'told');
  expect(all).toEqual({ code: 0, stdout: 'line 1\nline 2\nline 3\nline 4\nline 5\n', stderr: 'bad\n' });
  const last = await engine.docker('logs', '--tail', '2', 'told');
  expect(`${last.stdout}${last.stderr}`.trim().split('\n').length).toBe(2);
  const timed = await engine.dockerOk('logs', '-t', 'told');
  expect(timed).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z line 1$/m);
  await engine.dockerOk('rm', 'told');
});

test('logs --since and --until cut by time', async () => {
  await engine.dockerOk('run', '--name', 'cut', ...shell('echo before; sleep 1.2; echo after'));
  const [first = ''] = (await engine.dockerOk('logs', '-t', 'cut')).split('\n');
  const border = new Date(Date.parse(first.split(' ')[0] ?? '') + 600).toISOString();
  expect(await engine.dockerOk('logs', '--since', border, 'cut')).toBe('after');
  expect(await engine.dockerOk('logs', '--until', border, 'cut')).toBe('before');
  await engine.dockerOk('rm', 'cut');
});

test('logs -f follows to the end of the container, and ends with it', async () => {
  await engine.dockerOk('run', '-d', '--name', 'followed', ...shell('for i in 1 2 3; do echo $i; sleep 0.1; done'));
  expect(await engine.dockerOk('logs', '-f', 'followed')).toBe('1\n2\n3');
  await engine.dockerOk('rm', 'followed');
});

test('logs: 50,000 lines, none missing, in order', async () => {
  await engine.dockerOk('run', '--name', 'long', 'busybox', 'seq', '50000');
  const { stdout } = await engine.docker('logs', 'long');
  expect(stdout.trimEnd().split('\n')).toEqual(Array.from({ length: 50_000 }, (_, index) => String(index + 1)));
  await engine.dockerOk('rm', 'long');
});

test('start -ai: input to its end, output to its end, the exit code', async () => {
  await engine.dockerOk('create', '-i', '--name', 'piped', ...shell('cat; exit 8'));
  const ran = await engine.dockerWith({ input: 'hello\n' }, 'start', '-ai', 'piped');
  expect(ran).toEqual({ code: 8, stdout: 'hello\n', stderr: '' });
  await engine.dockerOk('rm', 'piped');
});

test('attach: what comes from now on, and the exit code', async () => {
  const script = 'while [ ! -e /go ]; do echo tick; sleep 0.02; done; echo bye; exit 3';
  await engine.dockerOk('run', '-d', '--name', 'watched', ...shell(script));
  const child = Bun.spawn([engine.dockerCli, 'attach', '--no-stdin', 'watched'], {
    stdout: 'pipe',
    env: { ...process.env, DOCKER_HOST: engine.host },
  });
  let seen = '';
  let asked = false;
  for await (const chunk of child.stdout) {
    seen += Buffer.from(chunk).toString();
    if (!asked) {
      asked = true;
      // Its exit code is not looked at, here and below: it is killed where its container ends before it.
      await engine.docker('exec', 'watched', 'touch', '/go');
    }
  }
  expect(await child.exited).toBe(3);
  expect(seen).toMatch(/^tick\n(?:tick\n)*bye\n$/);
  await engine.dockerOk('rm', 'watched');
});

test('two clients attached see the same', async () => {
  const script = 'while [ ! -e /go ]; do sleep 0.02; done; seq 2000';
  await engine.dockerOk('run', '-d', '--name', 'shared', ...shell(script));
  const attach = () => engine.request('POST', '/containers/shared/attach?stream=1&stdout=1&stderr=1');
  const [first, second] = await Promise.all([attach(), attach()]);
  await engine.docker('exec', 'shared', 'touch', '/go');
  const [one, other] = await Promise.all([first.bytes(), second.bytes()]);
  expect(one.length).toBeGreaterThan(8000);
  // How the output is cut into frames is nobody's business; its bytes are.
  expect(unframed(one)).toBe(unframed(other));
  await engine.dockerOk('rm', '-f', 'shared');
});

/** The payload of Docker's stream format: an 8-byte header, its last four bytes the length, before every chunk. */
function unframed(bytes: Uint8Array): string {
  const view = Buffer.from(bytes);
  let text = '';
  for (let at = 0; at + 8 <= view.length; ) {
    const length = view.readUInt32BE(at + 4);
    text += view.toString('utf8', at + 8, at + 8 + length);
    at += 8 + length;
  }
  return text;
}

test('exec: streams, input, exit code, environment, directory, user', async () => {
  await engine.dockerOk('run', '-d', '--name', 'host', 'busybox', 'sleep', '600');
  const exec = (...args: string[]) => engine.docker('exec', ...args);
  expect(await exec('host', 'sh', '-c', 'echo out; echo err >&2; exit 5')).toEqual({
    code: 5,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  const counted = await engine.dockerWith({ input: 'a\nb\nc\n' }, 'exec', '-i', 'host', 'wc', '-l');
  expect(counted.stdout).toBe('3\n');
  const placed = await exec('-e', 'A=1', '-w', '/tmp', '-u', '65534', 'host', 'sh', '-c', 'echo $A $(pwd) $(id -u)');
  expect(placed.stdout).toBe('1 /tmp 65534\n');
  expect((await exec('host', 'no-such-command')).code).toBe(127);
  expect((await exec('host', '/etc')).code).toBe(126);
  await engine.dockerOk('exec', '-d', 'host', 'touch', '/made');
  await until('the detached exec', async () => (await exec('host', 'test', '-e', '/made')).code === 0);
  await engine.dockerOk('rm', '-f', 'host');
});

test('exec -t has a terminal', async () => {
  await engine.dockerOk('run', '-d', '--name', 'terminal', 'busybox', 'sleep', '600');
  const { stdout } = await engine.docker('exec', '-t', 'terminal', 'tty');
  expect(stdout).toMatch(/^\/dev\/pts\/\d+\r\n$/);
  await engine.dockerOk('rm', '-f', 'terminal');
});

test('exec refuses a container that does not run', async () => {
  await engine.dockerOk('create', '--name', 'still', 'busybox', 'true');
  const { code, stderr } = await engine.docker('exec', 'still', 'true');
  expect(code).toBe(1);
  expect(stderr).toContain('is not running');
  await engine.dockerOk('rm', 'still');
});

test('a hundred execs leave no process behind', async () => {
  await engine.dockerOk('run', '-d', '--name', 'often', 'busybox', 'sleep', '600');
  for (let round = 0; round < 10; round++) {
    const ran = await Promise.all(
      Array.from({ length: 10 }, (_, index) => engine.docker('exec', 'often', 'sh', '-c', `exit ${index}`)),
    );
    expect(ran.map(({ code }) => code)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
  const processes = await engine.dockerOk('exec', 'often', 'sh', '-c', 'ls -d /proc/[0-9]* | wc -l');
  // The container's own process, the shell, ls and wc.
  expect(Number(processes)).toBeLessThanOrEqual(4);
  await engine.dockerOk('rm', '-f', 'often');
});

test('a client that takes nothing until the process, and its container, are gone, gets all of it', async () => {
  const sizes = [100_000, 200_000, 250_000, 1_000_000, 5_000_000];
  const cases = sizes.flatMap((size) => [
    { size, endsInput: true },
    { size, endsInput: false },
  ]);
  const write = (size: number) => ['head', '-c', String(size), '/dev/zero'];
  const running = await createContainer(engine, { Cmd: ['sleep', '1000'] });
  expect((await engine.request('POST', `/containers/${running}/start`)).status).toBe(204);
  const takenByAttach = cases.map(async ({ size, endsInput }) => {
    const id = await createContainer(engine, { Cmd: write(size), HostConfig: { AutoRemove: true } });
    using client = await StalledClient.open(engine.socket, `POST /containers/${id}/attach?stream=1&stdout=1`);
    expect((await engine.request('POST', `/containers/${id}/start`)).status).toBe(204);
    if (endsInput) client.endInput();
    await until('the container to be gone', async () => !(await engine.request('GET', `/containers/${id}/json`)).ok);
    return await client.takeAll();
  });
  const takenByExec = cases.map(async ({ size, endsInput }) => {
    const exec = { Cmd: write(size), AttachStdin: true, AttachStdout: true };
    const made = await engine.request('POST', `/containers/${running}/exec`, exec);
    const { Id } = (await made.json()) as { Id: string };
    using client = await StalledClient.open(engine.socket, `POST /exec/${Id}/start`, '{"Detach":false,"Tty":false}');
    if (endsInput) client.endInput();
    await until('the exec to end', async () => (await engine.get<ExecInspect>(`/exec/${Id}/json`)).ExitCode !== null);
    return await client.takeAll();
  });
  expect(await Promise.all(takenByAttach)).toEqual(cases.map(({ size }) => size));
  expect(await Promise.all(takenByExec)).toEqual(cases.map(({ size }) => size));
  expect((await engine.request('DELETE', `/containers/${running}?force=1`)).status).toBe(204);
}, 60_000);
