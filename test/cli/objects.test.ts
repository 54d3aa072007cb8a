import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { estibaCommand, type Ran, run, startEngine, type TestEngine, until } from '../harness/index.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const estiba = (...args: string[]): Promise<Ran> => engine.estiba(...args);

function estibaWith(input: string | Uint8Array, ...args: string[]): Promise<Ran> {
  return run([...estibaCommand(), ...args], { environment: { DOCKER_HOST: engine.host }, input });
}

describe('a container', () => {
  beforeAll(async () => {
    const script = 'for i in 1 2 3; do echo line $i; done; exec sleep 1000';
    await estiba(
      'run',
      '-d',
      '--name',
      'web',
      '--label',
      'role=front',
      '-p',
      '127.0.0.1::80',
      'busybox',
      'sh',
      '-c',
      script,
    );
    await until('three lines', async () => (await estiba('logs', 'web')).stdout.includes('line 3'));
  });

  test('is listed', async () => {
    const table = (await estiba('ps')).stdout.split('\n');
    expect(table[0]).toMatch(/^CONTAINER ID {3}IMAGE {5}COMMAND {18}CREATED {2,}STATUS {2,}PORTS {2,}NAMES$/);
    expect(table[1]).toMatch(/^[0-9a-f]{12} {3}busybox {3}"sh -c 'for i in 1 2…" .* 127\.0\.0\.1:\d+->80\/tcp {3}web$/);
    const format = '{{.Names}} {{.Label "role"}} {{.State}}';
    expect((await estiba('ps', '--format', format, '-f', 'label=role')).stdout).toBe('web front running\n');
    expect(JSON.parse((await estiba('ps', '--format', 'json')).stdout)).toMatchObject({
      Names: 'web',
      Image: 'busybox',
    });
    expect((await estiba('container', 'ls', '-q', '--no-trunc')).stdout).toMatch(/^[0-9a-f]{64}\n$/);
  });

  test('is inspected', async () => {
    const [object] = JSON.parse((await estiba('inspect', 'web')).stdout) as { Name: string }[];
    expect(object?.Name).toBe('/web');
    const ports = '{{range $port, $b := .NetworkSettings.Ports}}{{$port}} {{(index $b 0).HostIp}}{{end}}';
    expect((await estiba('inspect', '-f', ports, 'web')).stdout).toBe('80/tcp 127.0.0.1\n');
    expect(await estiba('inspect', 'nosuch')).toEqual({
      code: 1,
      stdout: '[]\n',
      stderr: 'Error: No such object: nosuch\n',
    });
    expect((await estiba('port', 'web', '80')).stdout).toMatch(/^127\.0\.0\.1:\d+\n$/);
  });

  test('has logs', async () => {
    expect((await estiba('logs', '--tail', '2', 'web')).stdout).toBe('line 2\nline 3\n');
    expect((await estiba('logs', '-t', '-n', '1', 'web')).stdout).toMatch(/^\d{4}-\d\d-\d\dT\S+Z line 3\n$/);
    expect((await estiba('logs', '--until', '1h', 'web')).stdout).toBe('');
  });

  test('runs commands', async () => {
    expect(await estiba('exec', '-e', 'A=b', '-w', '/tmp', 'web', 'sh', '-c', 'echo $A $PWD; exit 9')).toEqual({
      code: 9,
      stdout: 'b /tmp\n',
      stderr: '',
    });
    expect((await estibaWith('typed\n', 'exec', '-i', 'web', 'cat')).stdout).toBe('typed\n');
  });

  test('is paused, renamed, restarted, stopped, started and removed', async () => {
    expect((await estiba('pause', 'web')).stdout).toBe('web\n');
    expect((await estiba('unpause', 'web')).stdout).toBe('web\n');
    expect(await estiba('rename', 'web', 'site')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await estiba('restart', '-t', '0', 'site')).stdout).toBe('site\n');
    const stopped = await estiba('stop', '-t', '0', 'site', 'nosuch');
    expect(stopped).toEqual({
      code: 1,
      stdout: 'site\n',
      stderr: 'Error response from daemon: No such container: nosuch\n',
    });
    expect((await estiba('start', 'site')).stdout).toBe('site\n');
    const id = (await estiba('inspect', '-f', '{{.Id}}', 'site')).stdout.trim();
    const kinds = await estiba(
      'events',
      '--since',
      '10m',
      '--until',
      '0s',
      '-f',
      `container=${id}`,
      '--format',
      '{{.Action}}',
    );
    expect(kinds.stdout.split('\n')).toEqual(
      expect.arrayContaining(['pause', 'unpause', 'rename', 'restart', 'die', 'start']),
    );
    expect((await estiba('rm', '-f', 'site')).stdout).toBe('site\n');
  });
});

test('images are saved, loaded, tagged, listed and removed', async () => {
  const archive = join(engine.root, 'image.tar');
  expect((await estiba('tag', 'busybox', 'copy:1')).code).toBe(0);
  expect((await estiba('save', '-o', archive, 'copy:1')).code).toBe(0);
  expect((await estiba('rmi', 'copy:1')).stdout).toBe('Untagged: copy:1\n');
  expect((await estiba('load', '-i', archive)).stdout).toBe('Loaded image: copy:1\n');
  expect((await estiba('images', '--format', '{{.Repository}}:{{.Tag}}', 'copy')).stdout).toBe('copy:1\n');
  expect((await estiba('history', '-q', 'copy:1')).code).toBe(0);
  expect((await estiba('rmi', 'copy:1')).code).toBe(0);
  expect(await estiba('rmi', 'copy:1')).toMatchObject({
    code: 1,
    stderr: 'Error response from daemon: No such image: copy:1\n',
  });
});

test('volumes are created, listed, inspected and removed', async () => {
  expect((await estiba('volume', 'create', '--label', 'a=b', 'data')).stdout).toBe('data\n');
  expect((await estiba('volume', 'ls')).stdout).toBe('DRIVER    VOLUME NAME\nlocal     data\n');
  expect((await estiba('volume', 'inspect', '-f', '{{.Labels.a}}', 'data')).stdout).toBe('b\n');
  await estiba('run', '--rm', '-v', 'data:/d', 'busybox', 'sh', '-c', 'echo kept > /d/file');
  expect((await estiba('run', '--rm', '-v', 'data:/d', 'busybox', 'cat', '/d/file')).stdout).toBe('kept\n');
  expect((await estiba('volume', 'rm', 'data')).stdout).toBe('data\n');
});

test('prune asks first', async () => {
  await estiba('create', '--name', 'old', 'busybox');
  expect((await estibaWith('n\n', 'container', 'prune')).stdout).toEndWith('[y/N] ');
  expect((await estiba('ps', '-aq')).stdout).not.toBe('');
  expect((await estibaWith('y\n', 'container', 'prune')).stdout).toMatch(
    /Deleted Containers:\n[0-9a-f]{64}\n\nTotal reclaimed space: /,
  );
  expect((await estiba('ps', '-aq')).stdout).toBe('');
});

test('the engine is described', async () => {
  expect((await estiba('version')).stdout).toMatch(
    /^Client:\n Version: .*\n API version: {7}1\.51\n[\s\S]*\nServer:.*\n Engine:\n/,
  );
  expect((await estiba('info', '-f', '{{.OSType}}')).stdout).toBe('linux\n');
  expect((await estiba('network', 'ls', '--format', '{{.Name}}')).stdout).toBe('bridge\nhost\nnone\n');
});

test('without an engine it says what to do, in the words of the name it is called by', async () => {
  const absent = `unix://${engine.root}/absent.sock`;
  expect(await estiba('-H', absent, 'ps')).toEqual({
    code: 1,
    stdout: '',
    stderr: `No engine answers at ${absent}. Start one with: estiba engine --detach\n`,
  });
  const asDocker = await run([...estibaCommand(), '-H', absent, 'ps'], {
    environment: { ESTIBA_INVOKED_AS: 'docker' },
  });
  expect(asDocker).toEqual({
    code: 1,
    stdout: '',
    stderr: `Cannot connect to the Docker daemon at ${absent}. Is the docker daemon running?\n`,
  });
});

test('unknown commands are answered with the nearest, those to come with a line', async () => {
  expect((await estiba('contaner')).stderr).toContain("Did you mean 'estiba container'?");
  expect(await estiba('compose', 'up')).toEqual({
    code: 1,
    stdout: '',
    stderr: "estiba: 'estiba compose' is not there yet\n",
  });
  expect((await estiba('rename', 'a')).stderr).toStartWith("estiba: 'estiba rename' requires 2 arguments\n");
});
