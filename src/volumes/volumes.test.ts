import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Filters } from '#api';
import { type EventDraft, type Events, openEvents } from '#events';
import { isMountPoint, unmount } from '#linux/mount';
import { openRecords, type Records } from '#store';
import { openVolumes, type Volumes } from './index.ts';

let dataRoot = '';
let records: Records;
let volumes: Volumes;
let used: { containerId: string; volumes: string[] }[] = [];
let published: EventDraft[] = [];

async function open(): Promise<void> {
  records = openRecords(join(dataRoot, 'records.db'));
  const journal = openEvents(records);
  const events: Events = {
    stream: (options) => journal.stream(options),
    publish(draft) {
      published.push(draft);
      return journal.publish(draft);
    },
  };
  volumes = await openVolumes({ records, events, dataRoot, users: () => used, pluginDirectories: [] });
}

beforeEach(async () => {
  dataRoot = mkdtempSync(join(tmpdir(), 'volumes-test-'));
  used = [];
  published = [];
  await open();
});
afterEach(() => {
  records[Symbol.dispose]();
  const root = join(dataRoot, 'volumes');
  for (const name of readdirSync(root)) unmount(join(root, name, '_data'), { lazy: true });
  rmSync(dataRoot, { recursive: true });
});

const filters = (entries: Record<string, string[]>): Filters => new Map(Object.entries(entries));
const names = async (entries: Record<string, string[]>): Promise<string[]> =>
  (await volumes.list(filters(entries))).Volumes.map(({ Name }) => Name);

test('create is the same volume again; an anonymous one is labelled so', async () => {
  const first = await volumes.create({ Name: 'data', Labels: { team: 'a' } });
  expect(first).toMatchObject({
    Driver: 'local',
    Scope: 'local',
    Options: null,
    Mountpoint: join(dataRoot, 'volumes/data/_data'),
  });
  expect(first.CreatedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(await volumes.create({ Name: 'data', Labels: {} })).toEqual(first);
  const anonymous = await volumes.create({ Labels: { k: 'v' } });
  expect(anonymous.Name).toMatch(/^[0-9a-f]{64}$/);
  expect(anonymous.Labels).toEqual({ 'com.docker.volume.anonymous': '', k: 'v' });
  expect(published.map(({ action }) => action)).toEqual(['create', 'create']);
});

test('names, drivers and options are refused in the words that clients know', async () => {
  await expect(volumes.create({ Name: 'a' })).rejects.toThrow('create a: volume name is too short');
  await expect(volumes.create({ Name: '../x' })).rejects.toThrow('includes invalid characters for a local volume name');
  await expect(volumes.create({ Name: '..' })).rejects.toThrow('includes invalid characters');
  await expect(volumes.create({ Name: 'xx', Driver: 'foo' })).rejects.toMatchObject({ kind: 'not-found' });
  await expect(volumes.create({ Name: 'xx', DriverOpts: { foo: 'bar' } })).rejects.toThrow(
    'create xx: invalid option: "foo"',
  );
  await expect(volumes.create({ Name: 'xx', DriverOpts: { type: 'tmpfs' } })).rejects.toThrow(
    'create xx: missing required option: "device"',
  );
  await expect(volumes.create({ Name: 'xx', DriverOpts: { device: 'x' } })).rejects.toThrow(
    'create xx: missing required option: "type"',
  );
  await expect(volumes.inspect('xx')).rejects.toThrow('get xx: no such volume');
});

test('list filters', async () => {
  await volumes.create({ Name: 'web-data', Labels: { team: 'a' } });
  await volumes.create({ Name: 'db-data', Labels: { team: 'b', keep: '' } });
  used = [{ containerId: 'c1', volumes: ['db-data'] }];
  expect(await names({})).toEqual(['db-data', 'web-data']);
  expect(await names({ name: ['^web'] })).toEqual(['web-data']);
  expect(await names({ label: ['team=b'] })).toEqual(['db-data']);
  expect(await names({ label: ['keep'] })).toEqual(['db-data']);
  expect(await names({ dangling: ['true'] })).toEqual(['web-data']);
  expect(await names({ dangling: ['0'] })).toEqual(['db-data']);
  expect(await names({ driver: ['nfs'] })).toEqual([]);
  await expect(names({ dangling: ['foo'] })).rejects.toThrow("invalid filter 'dangling=[foo]'");
  await expect(names({ colour: ['red'] })).rejects.toThrow("invalid filter 'colour'");
});

test('a volume in use stays; afterwards it is gone with its data', async () => {
  const { Mountpoint } = await volumes.create({ Name: 'data' });
  writeFileSync(join(Mountpoint, 'file'), 'x');
  used = [{ containerId: 'c1', volumes: ['data'] }];
  await expect(volumes.remove('data', { force: true })).rejects.toThrow('remove data: volume is in use - [c1]');
  used = [];
  await volumes.remove('data', { force: false });
  expect(readdirSync(join(dataRoot, 'volumes'))).toEqual([]);
  await expect(volumes.remove('data', { force: false })).rejects.toThrow('get data: no such volume');
  await volumes.remove('data', { force: true });
  expect(published.map(({ action }) => action)).toEqual(['create', 'destroy']);
});

test('prune takes what nobody named, with `all` everything unused, and says how much it was', async () => {
  const anonymous = await volumes.create({});
  writeFileSync(join(anonymous.Mountpoint, 'file'), '12345');
  await volumes.create({ Name: 'named' });
  await volumes.create({ Name: 'busy' });
  used = [{ containerId: 'c1', volumes: ['busy'] }];
  expect(await volumes.prune(filters({}))).toEqual({ VolumesDeleted: [anonymous.Name], SpaceReclaimed: 5 });
  expect(await volumes.prune(filters({ all: ['1'] }))).toEqual({ VolumesDeleted: ['named'], SpaceReclaimed: 0 });
  await expect(volumes.prune(filters({ all: ['foo'] }))).rejects.toThrow(
    `invalid filter 'all': strconv.ParseBool: parsing "foo": invalid syntax`,
  );
  await expect(volumes.prune(filters({ until: ['1h'] }))).rejects.toThrow("invalid filter 'until'");
});

test('a tmpfs volume is mounted for its first user and unmounted after its last', async () => {
  await volumes.create({ Name: 'mem', DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,noexec' } });
  const [path, same] = await Promise.all([volumes.mount('mem', 'c1'), volumes.mount('mem', 'c2')]);
  expect(same).toBe(path);
  expect(isMountPoint(path)).toBe(true);
  await volumes.unmount('mem', 'c1');
  expect(isMountPoint(path)).toBe(true);
  await expect(volumes.remove('mem', { force: true })).rejects.toThrow('in use - [c2]');
  await volumes.unmount('mem', 'c2');
  await volumes.unmount('mem', 'c2');
  expect(isMountPoint(path)).toBe(false);
  expect(published.map(({ action }) => action)).toEqual(['create', 'mount', 'mount', 'unmount', 'unmount']);
});

test('a bind volume shows the directory, read-only when asked; a missing one fails and holds nothing', async () => {
  const shown = join(dataRoot, 'shown');
  mkdirSync(shown);
  writeFileSync(join(shown, 'file'), 'x');
  await volumes.create({ Name: 'bound', DriverOpts: { type: 'none', device: shown, o: 'bind,ro' } });
  const path = await volumes.mount('bound', 'c1');
  expect(readFileSync(join(path, 'file'), 'utf8')).toBe('x');
  expect(() => writeFileSync(join(path, 'new'), '')).toThrow('EROFS');
  await volumes.unmount('bound', 'c1');
  await volumes.create({ Name: 'lost', DriverOpts: { type: 'none', device: join(dataRoot, 'nope'), o: 'bind' } });
  await expect(volumes.mount('lost', 'c1')).rejects.toThrow('failed to mount local volume: mount ');
  await volumes.remove('lost', { force: false });
});

test('after a restart the mounts of living containers stay, others go, and no data is thrown away', async () => {
  await volumes.create({ Name: 'mem', DriverOpts: { type: 'tmpfs', device: 'tmpfs' } });
  await volumes.create({ Name: 'old', DriverOpts: { type: 'tmpfs', device: 'tmpfs' } });
  const kept = await volumes.mount('mem', 'alive');
  const dropped = await volumes.mount('old', 'dead');
  const root = join(dataRoot, 'volumes');
  mkdirSync(join(root, 'orphan/_data'), { recursive: true });
  writeFileSync(join(root, 'orphan/_data/precious'), 'x');
  mkdirSync(join(root, 'half/_data'), { recursive: true });
  mkdirSync(join(root, '.removed-1/_data'), { recursive: true });
  records[Symbol.dispose]();
  used = [
    { containerId: 'alive', volumes: ['mem'] },
    { containerId: 'dead', volumes: ['old'] },
  ];
  await open();
  await volumes.reconcile(new Set(['alive']));
  expect([isMountPoint(kept), isMountPoint(dropped)]).toEqual([true, false]);
  expect(await names({})).toEqual(['mem', 'old', 'orphan']);
  expect(existsSync(join(root, 'orphan/_data/precious'))).toBe(true);
  expect(readdirSync(root).toSorted()).toEqual(['mem', 'old', 'orphan']);
  await volumes.unmount('mem', 'alive');
  expect(isMountPoint(kept)).toBe(false);
  expect(statSync(join(root, 'mem/_data')).isDirectory()).toBe(true);
});
