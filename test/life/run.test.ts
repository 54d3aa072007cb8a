import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startEngine, type TestEngine } from '../harness/index.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

test('run: both streams, each its own, and the exit code of the command', async () => {
  const ran = await engine.docker('run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7');
  expect(ran).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
});

test('run: 127 for a command that is not there, 126 for one that cannot be run', async () => {
  const missing = await engine.docker('run', '--rm', 'busybox', 'no-such-command');
  expect(missing.code).toBe(127);
  expect(missing.stderr).toContain('executable file not found in $PATH');
  const directory = await engine.docker('run', '--rm', 'busybox', '/etc');
  expect(directory.code).toBe(126);
  expect(directory.stderr.toLowerCase()).toContain('permission denied');
});

test('run: 125 when the engine refuses', async () => {
  const ran = await engine.docker('run', '--rm', '--network', 'no-such-network', 'busybox', 'true');
  expect(ran.code).toBe(125);
  expect(ran.stderr).toContain('network no-such-network not found');
});

test('a command that cannot start leaves a created container with its exit code', async () => {
  expect((await engine.docker('run', '--name', 'unstarted', 'busybox', 'no-such-command')).code).toBe(127);
  const state = await engine.dockerOk('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'unstarted');
  expect(state).toBe('created 127');
  await engine.dockerOk('rm', 'unstarted');
});

test('run -i: standard input to its end, and its end reaches the container', async () => {
  const ran = await engine.dockerWith({ input: 'one\ntwo\n' }, 'run', '-i', '--rm', 'busybox', 'wc', '-l');
  expect(ran).toEqual({ code: 0, stdout: '2\n', stderr: '' });
});

test('run, exec: a megabyte comes back as it went in, each time', async () => {
  const input = Buffer.alloc(1 << 20, 'estiba carries bytes\n');
  await engine.dockerOk('run', '-d', '--name', 'carrier', 'busybox', 'sleep', '1000');
  const ways = [
    ['run', '-i', '--rm', 'busybox', 'cat'],
    ['run', '-i', '--rm', 'busybox', 'sh', '-c', 'cat > /x; cat /x'],
    ['exec', '-i', 'carrier', 'cat'],
  ];
  for (let round = 0; round < 8; round++) {
    const all = await Promise.all(ways.map((way) => engine.dockerWith({ input }, ...way)));
    expect(all.map(({ stdout }) => stdout.length)).toEqual(ways.map(() => input.length));
    for (const { stdout } of all) expect(Bun.hash(stdout)).toBe(Bun.hash(input.toString()));
  }
  await engine.dockerOk('rm', '-f', 'carrier');
}, 60_000);

test('run -it: a terminal of the size of the caller, one stream', async () => {
  const script = 'stty rows 33 cols 99; "$DOCKER" run --rm -it busybox sh -c "tty; stty size; exit 9"';
  const child = Bun.spawn(['script', '-qec', script, '/dev/null'], {
    stdin: 'pipe',
    stdout: 'pipe',
    env: { ...process.env, DOCKER_HOST: engine.host, DOCKER: engine.dockerCli },
  });
  const text = await child.stdout.text();
  expect(await child.exited).toBe(9);
  expect(text).toContain('/dev/pts/0');
  expect(text).toContain('33 99');
  child.stdin.end();
});

test('environment, working directory, user, host name and entrypoint are what was asked', async () => {
  const flags = ['-e', 'COLOUR=blue', '-w', '/tmp', '-u', '65534:65534', '-h', 'ship', '--entrypoint', 'sh'];
  const script = 'echo $COLOUR $(pwd) $(id -u):$(id -g) $(hostname)';
  expect(await engine.dockerOk('run', '--rm', ...flags, 'busybox', '-c', script)).toBe('blue /tmp 65534:65534 ship');
});

test('run -d prints the id, and ps shows the container', async () => {
  const id = await engine.dockerOk('run', '-d', '--name', 'shown', '-l', 'kind=test', 'busybox', 'sleep', '600');
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(await engine.dockerOk('ps', '--no-trunc', '-q', '-f', 'label=kind=test')).toBe(id);
  const row = await engine.dockerOk('ps', '-f', 'name=shown', '--format', '{{.Image}} {{.Command}} {{.Status}}');
  expect(row).toMatch(/^busybox "sleep 600" Up (?:Less than a second|\d+ seconds?)$/);
  await engine.dockerOk('rm', '-f', 'shown');
});

test('a name is given once, and the refusal tells by whom it is held', async () => {
  const id = await engine.dockerOk('create', '--name', 'taken', 'busybox', 'true');
  const { code, stderr } = await engine.docker('create', '--name', 'taken', 'busybox', 'true');
  expect(code).toBe(1);
  expect(stderr).toContain(`Conflict. The container name "/taken" is already in use by container "${id}"`);
  await engine.dockerOk('rename', 'taken', 'renamed');
  await engine.dockerOk('create', '--name', 'taken', 'busybox', 'true');
  expect(await engine.dockerOk('inspect', '-f', '{{.Name}}', id)).toBe('/renamed');
  await engine.dockerOk('rm', 'taken', 'renamed');
});

test('--rm: gone after its exit, with its anonymous volume', async () => {
  const before = await engine.dockerOk('volume', 'ls', '-q');
  expect(await engine.dockerOk('run', '--rm', '-v', '/data', 'busybox', 'echo', 'done')).toBe('done');
  expect(await engine.dockerOk('ps', '-aq')).toBe('');
  expect(await engine.dockerOk('volume', 'ls', '-q')).toBe(before);
});

test('our own CLI does the same', async () => {
  const ran = await engine.estiba('run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7');
  expect(ran).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
  expect((await engine.estiba('run', '--rm', 'busybox', 'no-such-command')).code).toBe(127);
  expect((await engine.estiba('run', '--rm', 'no-such-image', 'true')).code).toBe(125);
  expect((await engine.estiba('run', '--no-such-flag')).code).toBe(125);
});

test('nothing is left of containers that are gone', async () => {
  expect(await engine.settledLeftovers()).toEqual([]);
});
