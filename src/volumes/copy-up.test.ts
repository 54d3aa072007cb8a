import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfinedDirectory } from '#linux/confined-directory';
import { readXattr } from '#linux/xattr';
import { copyUp } from './copy-up.ts';

let root = '';
let rootfs = '';
let volume = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'copy-up-test-'));
  rootfs = join(root, 'rootfs');
  volume = join(root, 'volume');
  mkdirSync(join(rootfs, 'var/lib/app'), { recursive: true });
  mkdirSync(volume);
});
afterEach(() => rmSync(root, { recursive: true }));

test('everything about a tree arrives', async () => {
  const source = join(rootfs, 'var/lib/app');
  writeFileSync(join(source, 'file'), 'x'.repeat(3_000_000));
  chmodSync(join(source, 'file'), 0o4750);
  linkSync(join(source, 'file'), join(source, 'second-name'));
  mkdirSync(join(source, 'sub'));
  writeFileSync(join(source, 'sub/inner'), 'inner');
  chownSync(join(source, 'sub/inner'), 7, 8);
  symlinkSync('/etc/shadow', join(source, 'link'));
  using device = new ConfinedDirectory(source);
  device.makeNode('null', 'character', 1, 3);
  device.makeNode('queue', 'fifo');
  device.setXattr('file', 'user.note', Buffer.from('kept'));
  utimesSync(join(source, 'sub'), 1000, 1000);
  chownSync(source, 5, 6);
  chmodSync(source, 0o2770);
  expect(await copyUp(rootfs, '/var/lib/app', volume)).toBe(true);
  const at = (name: string): string => join(volume, name);
  expect(statSync(volume)).toMatchObject({ uid: 5, gid: 6 });
  expect(statSync(volume).mode & 0o7777).toBe(0o2770);
  expect(readFileSync(at('file'), 'utf8').length).toBe(3_000_000);
  expect(statSync(at('file')).mode & 0o7777).toBe(0o4750);
  expect(statSync(at('second-name')).ino).toBe(statSync(at('file')).ino);
  expect(readXattr(at('file'), 'user.note')?.toString()).toBe('kept');
  expect(statSync(at('sub/inner'))).toMatchObject({ uid: 7, gid: 8, size: 5 });
  expect(statSync(at('sub')).mtimeMs).toBe(1_000_000);
  expect(readlinkSync(at('link'))).toBe('/etc/shadow');
  expect(lstatSync(at('null')).isCharacterDevice()).toBe(true);
  expect(lstatSync(at('null')).rdev).toBe((1 << 8) | 3);
  expect(lstatSync(at('queue')).isFIFO()).toBe(true);
});

test('a link on the way is resolved inside the root, never outside', async () => {
  const secret = join(root, 'secret');
  mkdirSync(secret);
  writeFileSync(join(secret, 'key'), 'host');
  mkdirSync(join(rootfs, root, 'secret'), { recursive: true });
  writeFileSync(join(rootfs, root, 'secret/key'), 'image');
  symlinkSync(secret, join(rootfs, 'escape'));
  symlinkSync('../../../../..', join(rootfs, 'var/up'));
  expect(await copyUp(rootfs, '/escape', volume)).toBe(true);
  expect(readFileSync(join(volume, 'key'), 'utf8')).toBe('image');
  rmSync(join(volume, 'key'));
  expect(await copyUp(rootfs, join('/var/up', secret), volume)).toBe(true);
  expect(readFileSync(join(volume, 'key'), 'utf8')).toBe('image');
});

test('a volume with content is left alone; a place that is no directory is told of', async () => {
  writeFileSync(join(rootfs, 'plain'), '');
  expect(await copyUp(rootfs, '/nowhere', volume)).toBe(false);
  await expect(copyUp(rootfs, '/plain', volume)).rejects.toThrow(`source ${join(rootfs, 'plain')} is not directory`);
  expect(readdirSync(volume)).toEqual([]);
  writeFileSync(join(rootfs, 'var/lib/app/new'), '');
  writeFileSync(join(volume, 'old'), '');
  expect(await copyUp(rootfs, '/var/lib/app', volume)).toBe(false);
  expect(existsSync(join(volume, 'new'))).toBe(false);
});

test('a link that somebody puts in the place of a file meanwhile leads its mode and owner nowhere', () => {
  const outside = join(root, 'outside');
  writeFileSync(outside, '', { mode: 0o600 });
  using target = new ConfinedDirectory(volume);
  closeSync(target.createFile('file'));
  rmSync(join(volume, 'file'));
  symlinkSync(outside, join(volume, 'file'));
  const attributes = { mode: 0o4777, uid: 7, gid: 8, xattrs: new Map(), modifiedSeconds: 1, modifiedNanoseconds: 0 };
  expect(() => target.setAttributes('file', attributes)).toThrow();
  const { mode, uid } = statSync(outside);
  expect([mode & 0o7777, uid]).toEqual([0o600, 0]);
});
