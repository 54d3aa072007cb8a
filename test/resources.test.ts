import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startEngine, type TestEngine, until } from './harness/index.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const run = (...args: string[]): Promise<string> => engine.dockerOk('run', '--rm', ...args);
const web = 'mkdir /w; echo hello from inside > /w/index.html; httpd -f -p 80 -h /w';

async function publishedPort(name: string): Promise<number> {
  const [first = ''] = (await engine.dockerOk('port', name, '80/tcp')).split('\n');
  return Number(first.split(':').at(-1));
}

async function fetchText(port: number, address = '127.0.0.1'): Promise<string> {
  return until('the web server to answer', async () => {
    const response = await fetch(`http://${address}:${port}/`, { signal: AbortSignal.timeout(1000) });
    return response.ok ? await response.text() : undefined;
  });
}

test('a volume outlives its containers, and is in use while one has it', async () => {
  await engine.dockerOk('volume', 'create', 'kept');
  await run('-v', 'kept:/data', 'busybox', 'sh', '-c', 'echo treasure > /data/chest');
  expect(await run('--mount', 'source=kept,target=/d', 'busybox', 'cat', '/d/chest')).toBe('treasure');
  const holder = await engine.dockerOk('create', '-v', 'kept:/data', 'busybox', 'true');
  expect((await engine.docker('volume', 'rm', 'kept')).stderr).toContain(`volume is in use - [${holder}]`);
  await engine.dockerOk('rm', holder);
  await engine.dockerOk('volume', 'rm', 'kept');
});

test('a new volume begins with what the image has at its place', async () => {
  expect(await run('-v', '/etc', 'busybox', 'cat', '/etc/passwd')).toContain('root:x:0:0');
});

test('a directory of the host, writable or not', async () => {
  const directory = join(engine.root, 'shared-directory');
  mkdirSync(directory);
  writeFileSync(join(directory, 'from-host'), 'hello');
  expect(await run('-v', `${directory}:/d:ro`, 'busybox', 'cat', '/d/from-host')).toBe('hello');
  const refused = await engine.docker('run', '--rm', '-v', `${directory}:/d:ro`, 'busybox', 'touch', '/d/x');
  expect(refused.stderr).toContain('Read-only file system');
  await run('-v', `${directory}:/d`, 'busybox', 'sh', '-c', 'echo back > /d/from-container');
  expect(readFileSync(join(directory, 'from-container'), 'utf8')).toBe('back\n');
  const missing = await engine.docker(
    'run',
    '--rm',
    '--mount',
    `type=bind,source=${directory}/none,target=/d`,
    'busybox',
    'true',
  );
  expect(missing.code).toBe(125);
  expect(missing.stderr).toContain('bind source path does not exist');
});

test('a tmpfs of the size asked for', async () => {
  const flags = ['--tmpfs', '/scratch:size=1m'];
  expect(
    (
      await engine.docker(
        'run',
        '--rm',
        ...flags,
        'busybox',
        'dd',
        'if=/dev/zero',
        'of=/scratch/x',
        'bs=1k',
        'count=2000',
      )
    ).stderr,
  ).toContain('No space left');
});

test('a published port is reached from the host, at every address that it was published on', async () => {
  await engine.dockerOk('run', '-d', '--name', 'web', '-p', '127.0.0.1::80', 'busybox', 'sh', '-c', web);
  expect(await fetchText(await publishedPort('web'))).toBe('hello from inside\n');
  const row = await engine.dockerOk('ps', '-f', 'name=web', '--format', '{{.Ports}}');
  expect(row).toMatch(/^127\.0\.0\.1:\d+->80\/tcp$/);
  await engine.dockerOk('rm', '-f', 'web');
});

test('containers on the bridge reach each other and the host', async () => {
  await engine.dockerOk('run', '-d', '--name', 'server', 'busybox', 'sh', '-c', web);
  const address = await engine.dockerOk('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'server');
  const gateway = await engine.dockerOk('inspect', '-f', '{{.NetworkSettings.Gateway}}', 'server');
  const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${address} 80`;
  await until('the server', async () =>
    (await engine.docker('run', '--rm', 'busybox', 'sh', '-c', ask)).stdout.endsWith('hello from inside\n'),
  );
  const listener = createServer((socket) => socket.end('host says hello\n')).listen(0, gateway);
  await new Promise((resolve) => listener.once('listening', resolve));
  const bound = listener.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : 0;
  expect(await run('busybox', 'nc', '-w', '3', gateway, String(port))).toBe('host says hello');
  listener.close();
  await engine.dockerOk('rm', '-f', 'server');
});

test('a port that is taken is refused by name, and the container can go', async () => {
  await engine.dockerOk('run', '-d', '--name', 'holder', '-p', '127.0.0.1::80', 'busybox', 'sleep', '600');
  const port = await publishedPort('holder');
  const second = await engine.docker('run', '--name', 'late', '-p', `127.0.0.1:${port}:80`, 'busybox', 'true');
  expect(second.code).toBe(125);
  expect(second.stderr).toContain('port is already allocated');
  await engine.dockerOk('rm', '-f', 'holder', 'late');
});

test('network none, host, and that of another container', async () => {
  expect(await run('--network', 'none', 'busybox', 'ls', '/sys/class/net')).toBe('lo');
  expect(await run('--network', 'host', 'busybox', 'ls', '/sys/class/net')).toContain('lo');
  await engine.dockerOk('run', '-d', '--name', 'base', '-h', 'base-host', 'busybox', 'sleep', '600');
  const own = await engine.dockerOk('exec', 'base', 'ip', '-o', 'addr');
  expect(await run('--network', 'container:base', 'busybox', 'ip', '-o', 'addr')).toBe(own);
  await engine.dockerOk('rm', '-f', 'base');
});

test('names: its own in /etc/hosts, extra hosts, name servers', async () => {
  const hosts = await run('-h', 'ship', '--add-host', 'far:192.0.2.7', 'busybox', 'cat', '/etc/hosts');
  expect(hosts).toMatch(/^127\.0\.0\.1\s+localhost/m);
  expect(hosts).toMatch(/^192\.0\.2\.7\s+far$/m);
  expect(hosts).toMatch(/^\d+\.\d+\.\d+\.\d+\s+ship$/m);
  expect(await run('--dns', '192.0.2.53', 'busybox', 'cat', '/etc/resolv.conf')).toContain('nameserver 192.0.2.53');
});

test('images: tag, save, remove, load: the same id', async () => {
  const id = await engine.dockerOk('image', 'inspect', '-f', '{{.Id}}', 'busybox');
  await engine.dockerOk('tag', 'busybox', 'copy:1');
  const archive = join(engine.root, 'saved.tar');
  await engine.dockerOk('save', '-o', archive, 'copy:1');
  expect(statSync(archive).size).toBeGreaterThan(1_000_000);
  await engine.dockerOk('rmi', 'copy:1');
  expect(await engine.dockerOk('load', '-i', archive)).toBe('Loaded image: copy:1');
  expect(await engine.dockerOk('image', 'inspect', '-f', '{{.Id}}', 'copy:1')).toBe(id);
  await engine.dockerOk('rmi', 'copy:1');
  expect((await engine.docker('rmi', 'no-such-image')).stderr).toContain('No such image: no-such-image:latest');
});

test('an image in use is not removed by its id', async () => {
  const container = await engine.dockerOk('create', 'busybox', 'true');
  const { code, stderr } = await engine.docker('rmi', 'busybox');
  expect(code).toBe(1);
  expect(stderr).toContain('conflict: unable to');
  await engine.dockerOk('rm', container);
});

test('nothing is left of containers that are gone', async () => {
  expect(await engine.settledLeftovers()).toEqual([]);
});
