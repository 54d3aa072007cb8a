import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Volume, VolumeListResponse } from '#api';
import { readMounts } from '#linux/mount';
import { FakePlugin, never } from '../../src/volumes/plugins/plugin.fixture.ts';
import { startEngine, type TestEngine, until } from '../harness/index.ts';
import { type Answer, ask, createScript, runScript, untilLogged } from './containers.ts';

let engine: TestEngine;
let root = '';
let plugin: FakePlugin;
let shown = '';

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'estiba-volumes-'));
  shown = join(root, 'shown');
  mkdirSync(shown);
  writeFileSync(join(shown, 'file'), 'of the plugin\n');
  mkdirSync(join(root, 'plugins'));
  plugin = new FakePlugin(join(root, 'plugins/fake.sock'), shown);
  engine = await startEngine({ arguments: ['--plugin-directory', join(root, 'plugins')] });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await plugin[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

const request = (method: string, path: string, body?: unknown): Promise<Answer> => ask(engine, method, path, body);
const create = (body: object): Promise<Answer> => request('POST', '/volumes/create', body);
const remove = (name: string, query = ''): Promise<Answer> => request('DELETE', `/volumes/${name}${query}`);
const list = (filters: Record<string, string[]> = {}): Promise<VolumeListResponse> =>
  engine.get(`/volumes?filters=${encodeURIComponent(JSON.stringify(filters))}`);
const names = async (filters: Record<string, string[]>): Promise<string[]> =>
  (await list(filters)).Volumes.map(({ Name }) => Name);
const mountedIn = (): string[] => readMounts(engine.pid()).map(({ target }) => target);

test('a volume of a plugin, by the stock CLI', async () => {
  plugin.calls.length = 0;
  await engine.dockerOk('volume', 'create', '-d', 'fake', '-o', 'size=big', '--label', 'l=m', 'plugged');
  const { Mountpoint, ...rest } = await engine.get<Volume>('/volumes/plugged');
  expect(Mountpoint).toBe(shown);
  expect(rest).toEqual({
    CreatedAt: '2020-01-02T03:04:05Z',
    Driver: 'fake',
    Labels: { l: 'm' },
    Name: 'plugged',
    Options: { size: 'big' },
    Scope: 'global',
    Status: { opts: { size: 'big' } },
  });
  expect(
    await engine.dockerOk(
      'run',
      '--rm',
      '-v',
      'plugged:/x',
      '-v',
      'plugged:/y:ro',
      'busybox',
      'cat',
      '/x/file',
      '/y/file',
    ),
  ).toBe('of the plugin\nof the plugin');
  expect(
    await engine.dockerOk('run', '--rm', '--volume-driver', 'fake', '-v', 'second:/x', 'busybox', 'ls', '/x'),
  ).toBe('file');
  await until(
    'the plugin to have unmounted all',
    () => plugin.calls.filter((call) => call.startsWith('Unmount')).length === 2,
  );
  const mounts = plugin.calls.filter((call) => /^(?:Unm|M)ount plugged/.test(call));
  expect(mounts).toHaveLength(2);
  expect(mounts[0]?.slice('Mount plugged '.length)).toBe(mounts[1]?.slice('Unmount plugged '.length));
  expect(await engine.dockerOk('volume', 'ls', '-f', 'driver=fake', '--format', '{{.Driver}} {{.Name}}')).toBe(
    'fake plugged\nfake second',
  );
  await createScript(engine, 'user', { host: { Binds: ['plugged:/x'] } });
  expect((await engine.get<{ Mounts: object[] }>('/containers/user/json')).Mounts).toEqual([
    {
      Type: 'volume',
      Name: 'plugged',
      Source: '',
      Destination: '/x',
      Driver: 'fake',
      Mode: '',
      RW: true,
      Propagation: '',
    },
  ]);
  expect((await remove('plugged')).message).toMatch(/^remove plugged: volume is in use - \[[0-9a-f]{64}\]$/);
  await engine.dockerOk('rm', 'user');
  expect((await request('POST', '/volumes/prune?filters={"all":["true"]}')).status).toBe(200);
  expect(await names({ driver: ['fake'] })).toEqual(['plugged', 'second']);
  expect(await create({ Name: 'plugged', Driver: 'local' })).toEqual({
    status: 409,
    message: "create plugged: driver 'fake' already has volume 'plugged': volume name must be unique",
  });
  await engine.dockerOk('volume', 'rm', 'plugged', 'second');
  expect([...plugin.volumes.keys()]).toEqual([]);
  // One that the plugin has, and the engine has not heard of.
  plugin.volumes.set('theirs', null);
  expect(await names({ driver: ['fake'] })).toEqual(['theirs']);
  expect((await runScript(engine, { host: { Binds: ['theirs:/x'] }, script: 'ls /x' })).output).toBe('file');
  await engine.dockerOk('volume', 'rm', 'theirs');
});

test('what a plugin does wrong is told, and harms nobody', async () => {
  plugin.answers.set('Create', () => Response.json({ Err: 'no way' }));
  expect(await create({ Name: 'bad', Driver: 'fake' })).toEqual({ status: 500, message: 'create bad: no way' });
  plugin.answers.set('Create', () => new Response('{garbage'));
  expect((await create({ Name: 'bad', Driver: 'fake' })).message).toContain('create bad: VolumeDriver.Create: ');
  plugin.answers.clear();
  expect(await names({ name: ['bad'] })).toEqual([]);
  await create({ Name: 'liar', Driver: 'fake' });
  const run = async (): Promise<string> => (await runScript(engine, { host: { Binds: ['liar:/x'] } })).message;
  plugin.answers.set('Mount', () => Response.json({ Err: 'mount failed' }));
  expect(await run()).toBe("error while mounting volume '': mount failed");
  plugin.answers.set('Mount', () => Response.json({ Mountpoint: 'relative' }));
  expect(await run()).toContain('the plugin gives no absolute path: "relative"');
  plugin.answers.set('Mount', () => Response.json({ Mountpoint: join(root, 'nowhere') }));
  expect(await run()).toContain('nowhere');
  plugin.answers.set('Remove', () => Response.json({ Err: 'not now' }));
  expect(await remove('liar')).toEqual({ status: 500, message: 'remove liar: not now' });
  plugin.answers.clear();
  expect((await remove('liar')).status).toBe(204);
});

test('a plugin that hangs or is dead keeps nobody else from anything', async () => {
  await create({ Name: 'stuck', Driver: 'fake' });
  await createScript(engine, 'waiter', { host: { Binds: ['stuck:/x'] } });
  plugin.answers.set('Mount', never);
  const starting = engine.request('POST', '/containers/waiter/start');
  await until('the plugin to be asked', () => plugin.calls.some((call) => call.startsWith('Mount stuck')));
  expect((await create({ Name: 'other', Driver: 'fake' })).status).toBe(201);
  expect((await runScript(engine, { host: { Binds: ['own:/x'] }, script: 'echo ran' })).output).toBe('ran');
  expect((await engine.get<Volume>('/volumes/stuck')).Name).toBe('stuck');
  await engine.dockerOk('volume', 'rm', 'own');
  // It dies with the call under way, and comes back: the call is made again.
  plugin.answers.clear();
  await plugin.die();
  expect(await list({ driver: ['fake'] })).toMatchObject({
    Volumes: [{ Name: 'other' }, { Name: 'stuck' }],
    Warnings: [
      `list fake: Post "http://plugin.moby.localhost/VolumeDriver.List": dial unix ${plugin.socket}: connect: connection refused`,
    ],
  });
  expect((await request('GET', '/volumes/stuck')).message).toContain(
    'get stuck: error while checking if volume "stuck" exists in driver "fake": Post "http://plugin.moby.localhost/',
  );
  expect((await request('GET', '/volumes/none')).status).toBe(404);
  plugin.start();
  expect((await starting).status).toBe(204);
  await engine.dockerOk('rm', '-f', 'waiter');
  await until('the plugin to unmount', () => plugin.calls.some((call) => call.startsWith('Unmount stuck')));
  await engine.dockerOk('volume', 'rm', 'stuck', 'other');
});

test('the engine is killed: a plugin is told of what does not run any more, and volumes are mounted again', async () => {
  await create({ Name: 'kept', Driver: 'fake' });
  await create({ Name: 'memory', DriverOpts: { type: 'tmpfs', device: 'tmpfs' } });
  const script = 'echo up; while ! [ -e /m/stop ]; do usleep 20000; done';
  await createScript(engine, 'survivor', { host: { Binds: ['kept:/x', 'memory:/m'] }, script });
  await engine.dockerOk('start', 'survivor');
  await untilLogged(engine, 'survivor', 'up');
  const unmounts = (): number => plugin.calls.filter((call) => call.startsWith('Unmount kept')).length;
  await engine.kill();
  await engine.start();
  expect(unmounts()).toBe(0);
  await engine.kill();
  // It ends while there is no engine; its mount is given back by the next one.
  const { Mountpoint } = { Mountpoint: join(engine.dataRoot, 'volumes/memory/_data') };
  const keeper = engine.keeperPid();
  writeFileSync(join(`/proc/${keeper}/root`, Mountpoint, 'stop'), '');
  await engine.start();
  await until('the plugin to unmount', () => unmounts() === 1);
  await until('the tmpfs to be gone', () => !mountedIn().includes(Mountpoint));
  await engine.dockerOk('start', 'survivor');
  expect(mountedIn()).toContain(Mountpoint);
  await engine.dockerOk('rm', '-f', 'survivor');
  await engine.dockerOk('volume', 'rm', 'kept', 'memory');
  expect(mountedIn()).not.toContain(Mountpoint);
});
