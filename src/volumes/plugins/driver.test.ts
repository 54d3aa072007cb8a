import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PluginDriver } from '../driver.ts';
import { createPluginDriver, type PluginLimits } from './driver.ts';
import { FakePlugin, never } from './plugin.fixture.ts';

/** Long enough for any machine; where a plugin is silent on purpose, `short` is taken. */
const long = { timeoutMs: 60_000, retryMs: 60_000 };
const short = { timeoutMs: 100, retryMs: 0 };
const patient: PluginLimits = {
  work: long,
  answer: { ...long, retryMs: 0 },
  glance: { ...long, retryMs: 0 },
  restMs: 0,
};

let root = '';
let plugin: FakePlugin;
let driver: PluginDriver;
const withLimits = (limits: Partial<PluginLimits>): PluginDriver =>
  createPluginDriver('fake', { kind: 'unix', path: plugin.socket }, { ...patient, ...limits });

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'plugin-driver-test-'));
});
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  plugin = new FakePlugin(join(root, 'fake.sock'), '/somewhere');
  driver = withLimits({});
});
afterEach(() => plugin[Symbol.asyncDispose]());

test('a volume from its creation to its removal', async () => {
  expect(await driver.get('data')).toBeUndefined();
  await driver.create('data', { size: 'big' });
  expect(await driver.get('data')).toEqual({
    name: 'data',
    mountpoint: '/somewhere',
    createdAt: '2020-01-02T03:04:05Z',
    status: { opts: { size: 'big' } },
  });
  expect(await driver.list()).toEqual([{ name: 'data', mountpoint: '/somewhere' }]);
  expect(await driver.scope()).toBe('global');
  expect(await driver.mount('data', 'c1')).toBe('/somewhere');
  await driver.unmount('data', 'c1');
  await driver.remove('data');
  expect(plugin.calls).toEqual([
    ...['Activate', 'Capabilities', 'Get data', 'Create data', 'Get data', 'List'],
    ...['Mount data c1', 'Unmount data c1', 'Remove data'],
  ]);
});

const failures: [what: string, answer: () => Response, message: string][] = [
  ['what it says', () => Response.json({ Err: 'no way' }), 'no way'],
  ['a status', () => Response.json({ Err: 'broken' }, { status: 500 }), 'VolumeDriver.Create: broken'],
  ['a text', () => new Response('404 page not found\n', { status: 404 }), 'VolumeDriver.Create: 404 page not found'],
  ['garbage', () => new Response('{garbage'), "VolumeDriver.Create: the plugin's answer is no JSON"],
  ['a list', () => Response.json([1]), "VolumeDriver.Create: the plugin's answer is no JSON object"],
  ['a flood', () => new Response('x'.repeat(5 << 20)), 'is longer than 4194304 bytes'],
  ['a way elsewhere', () => Response.redirect('http://localhost:1/'), 'VolumeDriver.Create: '],
];

test.each(failures)('a failure told by %s', async (_, answer, message) => {
  plugin.answers.set('Create', answer);
  await expect(driver.create('data', null)).rejects.toThrow(message);
});

test('a flood without end is cut off', async () => {
  let ended = false;
  const piece = new Uint8Array(1 << 16);
  plugin.answers.set(
    'Create',
    () =>
      new Response(
        new ReadableStream({
          pull: async (controller) => {
            controller.enqueue(piece);
            await Bun.sleep(0);
          },
          cancel: () => {
            ended = true;
          },
        }),
      ),
  );
  await expect(driver.create('data', null)).rejects.toThrow('longer than');
  const deadlineMs = Date.now() + 20_000;
  while (!ended && Date.now() < deadlineMs) await Bun.sleep(10);
  expect(ended).toBe(true);
});

test('paths that are none', async () => {
  for (const Mountpoint of ['', 'relative/x', '/a\0b', undefined, 5]) {
    plugin.answers.set('Mount', () => Response.json({ Mountpoint }));
    await expect(driver.mount('data', 'c1')).rejects.toThrow('the plugin gives no absolute path');
  }
});

test('lies about volumes are not taken for more than they are', async () => {
  plugin.answers.set('List', () =>
    Response.json({ Volumes: [null, 5, {}, { Name: '' }, { Name: 'a', Mountpoint: 7 }] }),
  );
  expect(await driver.list()).toEqual([{ name: 'a', mountpoint: '' }]);
  plugin.answers.set('Get', () => Response.json({ Volume: { Name: 'another', Status: 'x' } }));
  expect(await driver.get('data')).toEqual({ name: 'data', mountpoint: '' });
  plugin.answers.set('Get', () => Response.json({}));
  expect(await driver.get('data')).toBeUndefined();
});

test('a plugin for something else, and one that tells nothing of itself', async () => {
  plugin.answers.set('Activate', () => Response.json({ Implements: ['LogDriver'] }));
  await expect(driver.list()).rejects.toMatchObject({ kind: 'not-found' });
  plugin.answers.delete('Activate');
  plugin.answers.set('Capabilities', () => new Response('', { status: 404 }));
  expect(await driver.scope()).toBe('local');
});

test('one that does not answer costs its own call, and is not waited for twice', async () => {
  const hasty = withLimits({ work: short, glance: short, restMs: 60_000 });
  await hasty.scope();
  plugin.answers.set('Mount', never);
  await expect(hasty.mount('data', 'c1')).rejects.toThrow(
    'Post "http://plugin.moby.localhost/VolumeDriver.Mount": context deadline exceeded',
  );
  plugin.answers.set('List', never);
  await expect(hasty.list()).rejects.toThrow('context deadline exceeded');
  const before = plugin.calls.length;
  await expect(hasty.list()).rejects.toThrow('did not answer a moment ago');
  expect(await hasty.probe('data')).toBeUndefined();
  expect(plugin.calls.length).toBe(before);
  // Whoever names the plugin is answered, and then it is as before.
  plugin.answers.clear();
  expect(await hasty.get('data')).toBeUndefined();
});

test('one that is not there: told at once where others wait, tried again where there is work to do', async () => {
  await driver.scope();
  await plugin.die();
  const dial = `Post "http://plugin.moby.localhost/Plugin.Activate": dial unix ${plugin.socket}: connect:`;
  await expect(driver.list()).rejects.toThrow(
    `VolumeDriver.List": dial unix ${plugin.socket}: connect: connection refused`,
  );
  await expect(driver.get('data')).rejects.toThrow(`${dial} connection refused`);
  const created = driver.create('data', null);
  plugin.start();
  await created;
  expect(plugin.volumes.has('data')).toBe(true);
  expect(plugin.calls.at(-3)).toBe('Activate');
  await plugin[Symbol.asyncDispose]();
  await expect(withLimits({}).list()).rejects.toThrow(`${dial} no such file or directory`);
});

test('one that dies in the middle of a call is asked again', async () => {
  plugin.answers.set('Create', async () => {
    plugin.answers.delete('Create');
    await plugin.die();
    plugin.start();
    return new Response();
  });
  await driver.create('data', null);
  expect(plugin.volumes.has('data')).toBe(true);
});
