import { afterAll, beforeAll, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listInResult, readInResult, statInResult } from './files.ts';

let scratch = '';
let root = '';
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'estiba-gateway-'));
  root = join(scratch, 'root');
  mkdirSync(join(root, 'sub'), { recursive: true });
  writeFileSync(join(scratch, 'secret'), 'outside');
  writeFileSync(join(root, 'secret'), 'inside');
  writeFileSync(join(root, 'sub/a.txt'), 'hello world');
  chmodSync(join(root, 'sub/a.txt'), 0o4750);
  utimesSync(join(root, 'sub/a.txt'), 7, 7);
  symlinkSync('../../../secret', join(root, 'sub/out'));
  symlinkSync('loop', join(root, 'loop'));
  execFileSync('mkfifo', [join(root, 'sub/pipe')]);
});
afterAll(() => rmSync(scratch, { recursive: true }));

const text = async (path: string, range?: { offset: number; length: number }): Promise<string> =>
  new TextDecoder().decode(await readInResult(root, path, range));

test('a file is read, all of it or a range, and never one outside of the result', async () => {
  expect(await text('/sub/a.txt')).toBe('hello world');
  expect(await text('sub/a.txt', { offset: 6, length: 3 })).toBe('wor');
  expect(await text('sub/a.txt', { offset: 6, length: 0 })).toBe('world');
  expect(await text('sub/a.txt', { offset: 60, length: 3 })).toBe('');
  expect(await text('/sub/out')).toBe('inside');
  expect(await text('/../../secret')).toBe('inside');
  await expect(text('/nope')).rejects.toThrow('open /nope: no such file or directory');
  await expect(text('/sub')).rejects.toThrow('read /sub: is a directory');
  await expect(text('/sub/pipe')).rejects.toThrow('open /sub/pipe: not a regular file');
  await expect(text('/loop')).rejects.toThrow('open /loop: too many levels of symbolic links');
});

test('a file and a directory are told of as Go has them', () => {
  expect(statInResult(root, '/sub/a.txt')).toMatchObject({
    path: 'a.txt',
    mode: 0o750 + 2 ** 23,
    size: 11,
    modTime: 7_000_000_000n,
  });
  expect(statInResult(root, '.')).toMatchObject({ path: '.', mode: 2 ** 31 + 0o755, size: 0 });
  expect(listInResult(root, 'sub', '').map(({ path }) => path)).toEqual(['a.txt', 'out', 'pipe']);
  expect(listInResult(root, 'sub', '*.txt').map(({ path }) => path)).toEqual(['a.txt']);
  const [link] = listInResult(root, 'sub', 'out');
  expect(link?.linkname).toBe('../../../secret');
  expect((link?.mode ?? 0) >= 2 ** 27).toBe(true);
  expect(() => listInResult(root, 'nope', '')).toThrow('open nope: no such file or directory');
});
