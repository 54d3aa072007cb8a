import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemCallError } from './errno.ts';
import {
  bindMount,
  isMountPoint,
  mount,
  mountOverlay,
  mountTmpfs,
  readMounts,
  unmount,
  unmountInBackground,
} from './mount.ts';

let root = '';
const targets: string[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mount-test-'));
});
afterEach(() => {
  for (const target of targets.splice(0).reverse()) unmount(target, { lazy: true });
  rmSync(root, { recursive: true });
});

function directory(...names: string[]): string {
  const path = join(root, ...names);
  mkdirSync(path, { recursive: true });
  return path;
}

function target(name: string): string {
  const path = directory(name);
  targets.push(path);
  return path;
}

test('a failed mount names the call, the target and the errno', () => {
  try {
    mount({ target: join(root, 'absent'), type: 'tmpfs' });
    throw new Error('mounted');
  } catch (error) {
    expect(error).toBeInstanceOf(SystemCallError);
    expect((error as SystemCallError).code).toBe('ENOENT');
    expect((error as SystemCallError).message).toBe(`mount ${join(root, 'absent')}: ENOENT`);
  }
});

test('tmpfs: mounted with size and mode, found as a mount point, unmounted once', () => {
  const path = target('tmpfs');
  expect(isMountPoint(path)).toBe(false);
  mountTmpfs(path, { sizeBytes: 65536, mode: 0o750 });
  expect(isMountPoint(path)).toBe(true);
  expect(statSync(path).mode & 0o7777).toBe(0o750);
  expect(readMounts().find((entry) => entry.target === path)).toMatchObject({
    type: 'tmpfs',
    options: expect.stringContaining('size=64k'),
  });
  expect(unmount(path)).toBe(true);
  expect(unmount(path)).toBe(false);
  expect(isMountPoint(join(root, 'absent'))).toBe(false);
});

test('bind: same file system, read-only keeps what the source mount has, names with spaces', () => {
  const source = target('a tmpfs');
  mountTmpfs(source);
  writeFileSync(join(source, 'file'), 'x');
  const path = target('the bind');
  bindMount(source, path, { readOnly: true, propagation: 'rslave' });
  expect(isMountPoint(path)).toBe(true);
  expect(() => writeFileSync(join(path, 'file'), 'y')).toThrow('EROFS');
  expect(readMounts().find((entry) => entry.target === path)?.flags).toEqual(
    expect.arrayContaining(['ro', 'nosuid', 'nodev']),
  );
  writeFileSync(join(source, 'file'), 'z');
  expect(readFileSync(join(path, 'file'), 'utf8')).toBe('z');
});

test('overlay: upper over lower, the topmost lower wins', () => {
  const [top, base, upper, work] = ['top', 'base', 'upper', 'work'].map((name) => directory(name)) as [
    string,
    string,
    string,
    string,
  ];
  writeFileSync(join(base, 'both'), 'base');
  writeFileSync(join(top, 'both'), 'top');
  writeFileSync(join(base, 'one'), 'base');
  const merged = target('merged');
  mountOverlay({ target: merged, lower: [top, base], upper, work });
  expect(readFileSync(join(merged, 'both'), 'utf8')).toBe('top');
  rmSync(join(merged, 'one'));
  expect(existsSync(join(base, 'one'))).toBe(true);
  expect(statSync(join(upper, 'one')).isCharacterDevice()).toBe(true);
});

test('overlay: 120 layers whose paths hold every separator and do not fit in a page', () => {
  const odd = directory('a:b,c\\d e');
  const lower = Array.from({ length: 120 }, (_, index) => {
    const path = join(odd, `${'layer'.repeat(12)}-${index}`);
    mkdirSync(path);
    writeFileSync(join(path, `file-${index}`), String(index));
    return path;
  });
  const [upper, work, merged] = ['u:pper', 'w,ork', 'm\\erged'].map((name) => join(odd, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [upper, work, merged]) mkdirSync(path);
  targets.push(merged);
  const before = process.cwd();
  mountOverlay({ target: merged, lower, upper, work });
  expect(process.cwd()).toBe(before);
  for (const index of [0, 59, 119]) expect(readFileSync(join(merged, `file-${index}`), 'utf8')).toBe(String(index));
  writeFileSync(join(merged, 'new'), 'new');
  expect(readFileSync(join(upper, 'new'), 'utf8')).toBe('new');
});

test('a read-only overlay needs no upper directory', () => {
  const lower = [directory('one'), directory('two')];
  const merged = target('merged');
  mountOverlay({ target: merged, lower });
  expect(() => writeFileSync(join(merged, 'file'), '')).toThrow('EROFS');
});

test('unmounting in the background: gone from the tree at once, though a file in it is open', async () => {
  const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => directory(name)) as [string, string, string];
  const merged = target('merged');
  mountOverlay({ target: merged, lower: [lower], upper, work });
  writeFileSync(join(merged, 'file'), 'kept');
  const descriptor = openSync(join(merged, 'file'), 'r');
  try {
    const rest = unmountInBackground(merged);
    expect(isMountPoint(merged)).toBe(false);
    expect(readFileSync(descriptor, 'utf8')).toBe('kept');
    await rest;
  } finally {
    closeSync(descriptor);
  }
  expect(unmountInBackground(merged)).toBe(false);
  expect(readFileSync(join(upper, 'file'), 'utf8')).toBe('kept');
});
