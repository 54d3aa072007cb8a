import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEvents } from '#events';
import { openRecords, type Records } from '#store';
import { openVolumes, type Volumes } from './index.ts';
import { FakePlugin } from './plugins/plugin.fixture.ts';

let root = '';
let plugin: FakePlugin;
let records: Records;
let volumes: Volumes;
let used: { containerId: string; volumes: string[] }[] = [];

async function open(): Promise<void> {
  records = openRecords(join(root, 'records.db'));
  const events = openEvents(records);
  const pluginDirectories = [join(root, 'plugins')];
  volumes = await openVolumes({ records, events, dataRoot: root, users: () => used, pluginDirectories });
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'plugin-volumes-test-'));
  mkdirSync(join(root, 'plugins'));
  plugin = new FakePlugin(join(root, 'plugins/fake.sock'), '/shown');
  used = [];
  await open();
  await volumes.create({ Name: 'data', Driver: 'fake' });
});
afterEach(async () => {
  await volumes.settled();
  records[Symbol.dispose]();
  await plugin[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

const mounts = (): string[] => plugin.calls.filter((call) => call.includes('ount '));

test('a container mounts a volume once, however often it shows it', async () => {
  expect(await volumes.mount('data', 'c1', { destination: '/a' })).toBe('/shown');
  expect(await volumes.mount('data', 'c1', { destination: '/b' })).toBe('/shown');
  await volumes.mount('data', 'c2');
  await volumes.unmount('data', 'c1');
  await volumes.settled();
  expect(mounts()).toEqual(['Mount data c1', 'Mount data c2']);
  await volumes.unmount('data', 'c1');
  await volumes.unmount('data', 'c1');
  await volumes.settled();
  expect(mounts()).toEqual(['Mount data c1', 'Mount data c2', 'Unmount data c1']);
  await expect(volumes.remove('data', { force: false })).rejects.toThrow('volume is in use - [c2]');
});

test('nobody waits for an unmount but the next mount of the same volume', async () => {
  await volumes.create({ Name: 'other', Driver: 'fake' });
  await volumes.mount('data', 'c1');
  const gate = Promise.withResolvers<Response>();
  plugin.answers.set('Unmount', () => gate.promise);
  await volumes.unmount('data', 'c1');
  expect(await volumes.mount('other', 'c1')).toBe('/shown');
  const again = volumes.mount('data', 'c1');
  expect(mounts().filter((call) => call === 'Mount data c1')).toHaveLength(1);
  gate.resolve(Response.json({}));
  plugin.answers.clear();
  expect(await again).toBe('/shown');
  expect(mounts().filter((call) => call === 'Mount data c1')).toHaveLength(2);
});

test('a killed engine forgets no mount: those of what lives stay, the others are given back', async () => {
  await volumes.mount('data', 'alive');
  await volumes.mount('data', 'dead');
  used = [{ containerId: 'alive', volumes: ['data'] }];
  records[Symbol.dispose]();
  await open();
  await volumes.reconcile(new Set(['alive']));
  await volumes.settled();
  expect(mounts()).toEqual(['Mount data alive', 'Mount data dead', 'Unmount data dead']);
  await volumes.unmount('data', 'alive');
  await volumes.settled();
  expect(mounts().at(-1)).toBe('Unmount data alive');
});

test('a volume that its plugin lost: made again when nobody uses it', async () => {
  plugin.volumes.clear();
  used = [{ containerId: 'c1', volumes: ['data'] }];
  await expect(volumes.create({ Name: 'data' })).rejects.toThrow(
    "create data: found references to volume 'data' in driver 'fake' but the volume was not found in the driver",
  );
  await expect(volumes.inspect('data')).rejects.toThrow('get data: no such volume');
  used = [];
  expect(await volumes.create({ Name: 'data' })).toMatchObject({ Driver: 'local' });
});

test('while a container is being created nobody removes its volumes', async () => {
  await volumes.create({ Name: 'new' }, 'c1');
  await expect(volumes.remove('new', { force: true })).rejects.toThrow('remove new: volume is in use - [c1]');
  expect(await volumes.prune(new Map([['all', ['1']]]))).toMatchObject({ VolumesDeleted: [] });
  volumes.letGo('c1');
  await volumes.remove('new', { force: false });
  expect((await volumes.list(new Map())).Volumes.map(({ Name }) => Name)).toEqual(['data']);
});

test('removal by force forgets what the plugin does not give', async () => {
  plugin.answers.set('Remove', () => Response.json({ Err: 'not now' }));
  plugin.answers.set('Get', () => Response.json({ Err: 'not here' }));
  await expect(volumes.remove('data', { force: true })).rejects.toThrow('remove data: not now');
  await expect(volumes.remove('data', { force: false })).rejects.toThrow('get data: no such volume');
});

test('a plugin that is gone: a warning, and its volumes as they are known; one for something else is not asked', async () => {
  plugin.answers.set('Activate', () => Response.json({ Implements: ['LogDriver'] }));
  records[Symbol.dispose]();
  await open();
  expect(await volumes.list(new Map())).toEqual({ Volumes: [], Warnings: null });
  await plugin[Symbol.asyncDispose]();
  const warning = 'list fake: error looking up volume plugin fake: plugin "fake" not found';
  expect(await volumes.list(new Map())).toMatchObject({ Volumes: [{ Name: 'data' }], Warnings: [warning] });
  expect(await volumes.list(new Map([['driver', ['local']]]))).toEqual({ Volumes: [], Warnings: null });
});
