import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mount, Volume } from '#api';
import { readMounts } from '#linux/mount';
import { startEngine, type TestEngine } from '../harness/index.ts';
import { type Answer, ask, createScript, importImage, runScript } from './containers.ts';

let engine: TestEngine;
let shown = '';

beforeAll(async () => {
  shown = mkdtempSync(join(tmpdir(), 'estiba-volumes-'));
  writeFileSync(join(shown, 'file'), 'of the host\n');
  engine = await startEngine();
  await importImage(engine, 'filled:1', (root) => {
    mkdirSync(join(root, 'data/sub'), { recursive: true });
    writeFileSync(join(root, 'data/file'), 'of the image\n');
    writeFileSync(join(root, 'data/sub/inner'), 'inner\n');
  });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(shown, { recursive: true, force: true });
});

const request = (method: string, path: string, body?: unknown): Promise<Answer> => ask(engine, method, path, body);
const create = (body: object): Promise<Answer> => request('POST', '/volumes/create', body);
const remove = (name: string, query = ''): Promise<Answer> => request('DELETE', `/volumes/${name}${query}`);
const local = (Source: string, Options: Record<string, string>): Mount => ({
  Type: 'volume',
  Source,
  Target: '/x',
  VolumeOptions: { DriverConfig: { Name: 'local', Options } },
});
const mountedIn = (): string[] => readMounts(engine.pid()).map(({ target }) => target);

test('creation: the same again, and what Docker refuses in its words', async () => {
  expect((await create({ Name: 'data', Labels: { a: 'b' } })).status).toBe(201);
  expect((await create({ Name: 'data', Driver: 'local', DriverOpts: { type: 'tmpfs', device: 'tmpfs' } })).status).toBe(
    201,
  );
  expect(await engine.get<Volume>('/volumes/data')).toMatchObject({
    Labels: { a: 'b' },
    Options: null,
    Scope: 'local',
  });
  expect(await create({ Name: 'data', Driver: 'nope' })).toEqual({
    status: 404,
    message: 'create data: error looking up volume plugin nope: plugin "nope" not found',
  });
  const refusals: [options: Record<string, string>, message: string][] = [
    [{ size: '10m' }, 'quota size requested but no quota support'],
    [{ size: 'foo' }, "invalid size: 'foo'"],
    [{ size: '' }, "invalid size: ''"],
    [{ foo: 'x' }, 'invalid option: "foo"'],
    [{ type: '' }, 'missing required option: "device"'],
    [{ o: 'bind', device: '/x' }, 'missing required option: "type"'],
  ];
  for (const [DriverOpts, message] of refusals) {
    expect(await create({ Name: 'vol', DriverOpts })).toEqual({ status: 400, message: `create vol: ${message}` });
  }
  expect((await create({ Name: 'vol', DriverOpts: { size: '0' } })).status).toBe(201);
  expect(await create({ Name: 'cv', ClusterVolumeSpec: {} })).toMatchObject({ status: 503 });
  expect((await request('POST', '/v1.41/volumes/create', { Name: 'cv', ClusterVolumeSpec: {} })).status).toBe(201);
  expect(await request('PUT', '/volumes/data?version=1', {})).toEqual({
    status: 503,
    message: 'volume update only valid for cluster volumes, but swarm is unavailable',
  });
  expect(await request('POST', '/volumes/prune?filters={"all":["true","false"]}')).toEqual({
    status: 400,
    message: "invalid filter 'all=[false true]': only one value is expected",
  });
  expect(await remove('nope')).toEqual({ status: 404, message: 'get nope: no such volume' });
  expect((await remove('nope', '?force=1')).status).toBe(204);
  await engine.dockerOk('volume', 'rm', 'data', 'vol', 'cv');
});

test('a tmpfs volume: mounted while it is in use, empty when it is used again', async () => {
  const options = { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,uid=7,nosuid' };
  const script = `grep ' /x ' /proc/self/mountinfo | cut -d' ' -f6-; stat -c %u /x; ls /x; touch /x/left`;
  const seen = await runScript(engine, { host: { Mounts: [local('memory', options)] }, script });
  expect(seen.output).toMatch(/^rw,nosuid,relatime.* - tmpfs tmpfs rw,size=1024k,uid=7\S*\n7$/);
  const { Mountpoint } = await engine.get<Volume>('/volumes/memory');
  expect(mountedIn()).not.toContain(Mountpoint);
  const again = await runScript(engine, { host: { Binds: ['memory:/x'] }, script: 'ls /x' });
  expect(again).toMatchObject({ status: 204, output: '' });
  await engine.dockerOk('volume', 'rm', 'memory');
});

test('a directory and a file system of the host as a volume, and mounts that cannot be made', async () => {
  const bound = local('bound', { type: 'none', device: shown, o: 'bind,ro' });
  const seen = await runScript(engine, { host: { Mounts: [bound] }, script: 'cat /x/file; touch /x/new' });
  expect(seen.output).toBe('of the host\ntouch: /x/new: Read-only file system');
  // Not one of those that are mounted by the engine itself: by a process of its own.
  const other = await runScript(engine, {
    host: { Mounts: [local('proc', { type: 'proc', device: 'proc' })] },
    script: 'ls -d /x/self',
  });
  expect(other.output).toBe('/x/self');
  const failure = async (name: string, options: Record<string, string>): Promise<Answer> => {
    const { status, message } = await runScript(engine, { host: { Mounts: [local(name, options)] } });
    const { Mountpoint } = await engine.get<Volume>(`/volumes/${name}`);
    await engine.dockerOk('volume', 'rm', name);
    return { status, message: message.replaceAll(Mountpoint, '<at>') };
  };
  const failed = "error while mounting volume '<at>': failed to mount local volume: mount";
  expect(await failure('gone', { type: 'none', device: '/nope', o: 'bind' })).toEqual({
    status: 500,
    message: `${failed} /nope:<at>, flags: 0x1000: no such file or directory`,
  });
  expect((await failure('odd', { type: 'nope', device: '/nope', o: 'zz' })).message).toBe(
    `${failed} /nope:<at>, data: zz: no such device`,
  );
  expect((await failure('block', { type: 'ext4', device: '/dev/zero' })).message).toMatch(
    new RegExp(`^${failed} /dev/zero:<at>: (block device required|no such device)$`),
  );
  expect((await failure('secret', { type: 'tmpfs', device: 'tmpfs', o: 'password=secret,foo=1' })).message).toBe(
    `${failed} tmpfs:<at>, data: password=********,foo=1: invalid argument`,
  );
  // Too long for a name: no server is asked.
  expect((await failure('far', { type: 'nfs', device: ':/x', o: `addr=${'x'.repeat(70)}` })).message).toContain(
    `error resolving passed in network volume address: lookup ${'x'.repeat(70)}: no such host`,
  );
  await engine.dockerOk('volume', 'rm', 'bound', 'proc');
});

test('an image as a mount: read-only, whole or a part, and in use as long as the container is there', async () => {
  const image = (fields: Partial<Mount> = {}): Mount => ({
    Type: 'image',
    Source: 'filled:1',
    Target: '/x',
    ...fields,
  });
  const whole = await runScript(engine, { host: { Mounts: [image()] }, script: 'cat /x/data/file; touch /x/new' });
  expect(whole.output).toBe('of the image\ntouch: /x/new: Read-only file system');
  expect(whole.warnings).toContain('Image mount is an experimental feature');
  expect(whole.mounts).toMatchObject([
    { Type: 'image', Name: 'filled:1', Destination: '/x', RW: false, Propagation: 'rprivate' },
  ]);
  const inner = await runScript(engine, {
    host: { Mounts: [image({ ImageOptions: { Subpath: 'data/sub' } })] },
    script: 'ls /x',
  });
  expect(inner.output).toBe('inner');
  const file = image({ ImageOptions: { Subpath: 'data/file' } });
  expect((await runScript(engine, { host: { Mounts: [file] }, script: 'cat /x' })).output).toBe('of the image');
  const missing = await runScript(engine, { host: { Mounts: [image({ ImageOptions: { Subpath: 'nope' } })] } });
  expect([missing.status, missing.message]).toEqual([404, expect.stringContaining('cannot access path')]);
  expect(await runScript(engine, { host: { Mounts: [image({ Source: 'nope:1' })] } })).toMatchObject({
    status: 404,
    message: 'No such image: nope:1',
  });
  await engine.dockerOk('tag', 'filled:1', 'mounted:1');
  await importImage(engine, 'mounted:1', (root) => writeFileSync(join(root, 'only'), 'here\n'));
  await createScript(engine, 'viewer', { host: { Mounts: [image({ Source: 'mounted:1' })] }, script: 'cat /x/only' });
  const refused = await engine.docker('rmi', 'mounted:1');
  expect(refused.stderr).toContain('is using its referenced image');
  await engine.dockerOk('rmi', '-f', 'mounted:1');
  expect(await engine.dockerOk('start', '-a', 'viewer')).toBe('here');
  const heir = await createScript(engine, 'heir', { host: { VolumesFrom: ['viewer'] } });
  expect(await heir.json()).toMatchObject({ message: expect.stringContaining('No such image') });
  await engine.dockerOk('rm', 'viewer');
});

test('events tell of each mount, and by which driver', async () => {
  const since = (Date.now() / 1000).toFixed(3);
  await runScript(engine, { image: 'filled:1', host: { Binds: ['told:/data', 'told:/other:ro'] } });
  await engine.dockerOk('volume', 'rm', 'told');
  const response = await engine.request(
    'GET',
    `/events?since=${since}&until=${(Date.now() / 1000 + 0.05).toFixed(3)}&filters={"type":["volume"]}`,
  );
  const events = (await response.text())
    .trim()
    .split('\n')
    .map((line) => {
      const { Action, Actor } = JSON.parse(line) as { Action: string; Actor: { Attributes: Record<string, string> } };
      const { driver, destination = '', 'read/write': access = '' } = Actor.Attributes;
      return [Action, driver, destination, access].join(' ').trim();
    });
  // What the engine did to fill the volume is its own business.
  expect(events).toEqual([
    'create local',
    'mount local /data true',
    'mount local /other false',
    'unmount local',
    'unmount local',
    'destroy local',
  ]);
  expect(readdirSync(join(engine.dataRoot, 'volumes'))).toEqual([]);
  expect(readFileSync(join(shown, 'file'), 'utf8')).toBe('of the host\n');
});
