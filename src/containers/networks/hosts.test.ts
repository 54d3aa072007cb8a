import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { holdLease } from '#linux/lease.fixture';
import { updateFile } from './hosts.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'estiba-hosts-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const text = '127.0.0.1\tlocalhost\n172.17.0.200\tdb db-1\n172.17.0.3\tother\n';

test('the address of an alias is replaced, whatever its length', () => {
  const path = join(directory, 'hosts');
  writeFileSync(path, text);
  updateFile(path, ['db'], '10.0.0.1');
  expect(readFileSync(path, 'utf8')).toBe(text.replace('172.17.0.200', '10.0.0.1'));
  updateFile(path, ['db'], '172.17.0.200');
  expect(readFileSync(path, 'utf8')).toBe(text);
  updateFile(join(directory, 'missing'), ['db'], '10.0.0.1');
});

test('what a container has made of its file is neither waited for nor read without end', async () => {
  const path = join(directory, 'hostile');
  writeFileSync(path, text);
  truncateSync(path, 2 ** 40);
  updateFile(path, ['db'], '10.0.0.1');
  writeFileSync(path, text);
  await using lease = await holdLease(path);
  updateFile(path, ['db'], '10.0.0.1');
  await lease[Symbol.asyncDispose]();
  expect(readFileSync(path, 'utf8') === text).toBe(lease.isHeld);
});
