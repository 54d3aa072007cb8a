import { expect, test } from 'bun:test';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { estibaCommand, processesNaming, run, startEngine, until } from './harness/index.ts';

test('several engines side by side, each its own', async () => {
  await using first = await startEngine();
  await using second = await startEngine();
  const web = 'mkdir /w; echo $WHO > /w/index.html; httpd -f -p 80 -h /w';
  for (const [engine, who] of [
    [first, 'one'],
    [second, 'two'],
  ] as const) {
    await engine.dockerOk(
      'run',
      '-d',
      '--name',
      'web',
      '-e',
      `WHO=${who}`,
      '-p',
      '127.0.0.1::80',
      'busybox',
      'sh',
      '-c',
      web,
    );
    const port = (await engine.dockerOk('port', 'web', '80/tcp')).split(':').at(-1);
    const text = await until('the web server', async () => (await fetch(`http://127.0.0.1:${port}/`)).text());
    expect(text).toBe(`${who}\n`);
    expect((await engine.dockerOk('ps', '-q')).split('\n').length).toBe(1);
  }
});

test('a second engine on one of the same roots is refused, and leaves nothing', async () => {
  await using engine = await startEngine();
  const id = await engine.dockerOk('run', '-d', 'busybox', 'sleep', '600');
  const second = async (dataRoot: string, execRoot: string): Promise<string> => {
    const roots = ['--data-root', dataRoot, '--exec-root', execRoot];
    const ran = await run([...estibaCommand(), 'engine', ...roots, '--host', `unix://${engine.root}/other`]);
    expect(ran.code).not.toBe(0);
    return ran.stderr;
  };
  const [otherData, otherExec] = [join(engine.root, 'data-2'), join(engine.root, 'exec-2')];
  expect(await second(engine.dataRoot, engine.execRoot)).toContain('another engine runs on the data root');
  expect(await second(engine.dataRoot, otherExec)).toContain('another engine runs on the data root');
  expect(await second(otherData, engine.execRoot)).toContain('another engine runs on the exec root');
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(otherExec);
  await engine.stop();
  expect(await second(otherData, engine.execRoot)).toContain('belongs to the engine with the data root');
  await engine.start();
  expect(await engine.dockerOk('inspect', '-f', '{{.State.Running}}', id)).toBe('true');
});

test('the keeper ends by itself once it has neither containers nor an engine', async () => {
  await using engine = await startEngine();
  await engine.dockerOk('run', '--rm', 'busybox', 'true');
  await engine.stop();
  await until('the keeper to end', () => processesNaming(engine.execRoot).length === 0, 12_000);
});

test('SIGTERM leaves containers running, and the next engine has them', async () => {
  await using engine = await startEngine();
  const id = await engine.dockerOk('run', '-d', 'busybox', 'sleep', '600');
  const pid = await engine.dockerOk('inspect', '-f', '{{.State.Pid}}', id);
  await engine.stop();
  expect(existsSync(join('/proc', pid))).toBe(true);
  await engine.start();
  expect(await engine.dockerOk('inspect', '-f', '{{.State.Running}} {{.State.Pid}}', id)).toBe(`true ${pid}`);
});

test('events of before a restart are told after it', async () => {
  await using engine = await startEngine();
  const id = await engine.dockerOk('run', '-d', '--rm', 'busybox', 'true');
  await until('removal', async () => (await engine.docker('inspect', id)).code !== 0);
  await engine.kill();
  await engine.start();
  expect(await engine.actionsOf(id, '0')).toEqual(expect.arrayContaining(['create', 'start', 'die', 'destroy']));
});

test('version, info and ping are what a Docker client expects', async () => {
  await using engine = await startEngine({ empty: true });
  const ping = await engine.request('HEAD', '/_ping');
  expect(ping.headers.get('api-version')).toBe('1.51');
  expect(ping.headers.get('ostype')).toBe('linux');
  const version = await engine.get<{ ApiVersion: string; MinAPIVersion: string; Os: string }>('/version');
  expect(version).toMatchObject({ ApiVersion: '1.51', MinAPIVersion: '1.24', Os: 'linux' });
  expect((await engine.request('GET', '/v1.24/version')).status).toBe(200);
  expect((await engine.request('GET', '/v1.23/version')).status).toBe(400);
  const info = await engine.get<{ OSType: string; NCPU: number; DockerRootDir: string }>('/info');
  expect(info).toMatchObject({ OSType: 'linux', DockerRootDir: engine.dataRoot });
  expect(await engine.dockerOk('info', '--format', '{{.Containers}}')).toBe('0');
});

test('settings come from a daemon.json too, and a wrong one is named', async () => {
  await using engine = await startEngine({ empty: true });
  const file = join(engine.root, 'daemon.json');
  writeFileSync(file, '{"no-such-setting": true}');
  const refused = await run([
    ...estibaCommand(),
    'engine',
    '--config-file',
    file,
    '--data-root',
    join(engine.root, 'other'),
  ]);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('no-such-setting');
});

test('the socket is for root and its group alone', async () => {
  await using engine = await startEngine({ empty: true });
  expect((statSync(engine.socket).mode & 0o007).toString(8)).toBe('0');
});
