import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { holdLease } from './lease.fixture.ts';
import { readTextInRoot } from './open-in-root.ts';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'estiba-root-'));
  mkdirSync(join(root, 'etc'));
});
afterAll(() => rmSync(root, { recursive: true }));

function place(name: string): string {
  return join(root, 'etc', name);
}

test('reads a file, also through links, and never leaves the root', () => {
  writeFileSync(place('passwd'), 'root:x:0:0\n');
  symlinkSync('/etc/passwd', place('absolute'));
  symlinkSync('../../../../etc/hostname', place('outside'));
  expect(readTextInRoot(root, 'etc/passwd')).toBe('root:x:0:0\n');
  expect(readTextInRoot(root, 'etc/absolute')).toBe('root:x:0:0\n');
  expect(readTextInRoot(root, 'etc/outside')).toBeUndefined();
  expect(readTextInRoot(root, 'etc/missing')).toBeUndefined();
  expect(readTextInRoot(root, 'etc')).toBeUndefined();
});

test('opens no device and no FIFO, and reads no file without end', () => {
  Bun.spawnSync(['mknod', place('zero'), 'c', '1', '5']);
  Bun.spawnSync(['mkfifo', place('fifo')]);
  symlinkSync('zero', place('link-to-zero'));
  writeFileSync(place('sparse'), '');
  truncateSync(place('sparse'), 3_000_000_000);
  for (const name of ['zero', 'fifo', 'link-to-zero']) expect(readTextInRoot(root, `etc/${name}`)).toBeUndefined();
  expect(readTextInRoot(root, 'etc/sparse')?.length).toBe(1024 * 1024);
});

test('does not wait for a process that holds a lease on the file', async () => {
  writeFileSync(place('leased'), 'text');
  await using lease = await holdLease(place('leased'));
  const read = (): string | undefined => readTextInRoot(root, 'etc/leased');
  if (lease.isHeld) expect(read).toThrow('holds a lease');
  else expect(read()).toBe('text');
});
