import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf, encodedOf } from '#oci';
import { openBlobs } from './blobs.ts';
import { followFile } from './growing-file.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'partial-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const content = Buffer.from('0123456789'.repeat(30_000));
const digest = digestOf(content);

async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source));
}

test('a download goes on where it broke off, also in another process, and its content becomes a blob', async () => {
  const first = await openBlobs(directory).openPartial(digest);
  await first.write(content.subarray(0, 100_000));
  await first.suspend();
  const blobs = openBlobs(directory);
  await blobs.removeUnfinished();
  expect(await blobs.partialBytes()).toBe(100_000);
  const second = await blobs.openPartial(digest);
  expect(second.sizeBytes).toBe(100_000);
  await second.write(content.subarray(100_000));
  expect(await second.finish()).toEqual({ digest, sizeBytes: content.length });
  expect(blobs.get(digest).equals(content)).toBe(true);
  expect(readdirSync(join(directory, 'partial'))).toEqual([]);
});

test('who reads it meanwhile gets all of it, and nothing past a failure', async () => {
  const blobs = openBlobs(directory);
  const partial = await blobs.openPartial(digest);
  const reader = gather(followFile(partial.file));
  for (let offset = 0; offset < content.length; offset += 70_000) {
    await partial.write(content.subarray(offset, offset + 70_000));
  }
  await partial.finish();
  expect((await reader).equals(content)).toBe(true);
  // Complete already when it is begun to be read.
  expect((await gather(followFile(partial.file))).equals(content)).toBe(true);

  const broken = await blobs.openPartial(digestOf(Buffer.from('other')));
  const follower = gather(followFile(broken.file));
  follower.catch(() => undefined);
  await broken.write(content.subarray(0, 10));
  await broken.suspend(new Error('the line is down'));
  await expect(follower).rejects.toThrow('the line is down');
});

test('what is not what its digest says is no blob, and nothing of it stays', async () => {
  const blobs = openBlobs(directory);
  const partial = await blobs.openPartial(digest);
  await partial.write(content.subarray(1));
  await expect(partial.finish()).rejects.toMatchObject({ kind: 'invalid-argument' });
  await partial.suspend();
  expect(blobs.has(digest)).toBe(false);
  expect(readdirSync(join(directory, 'partial'))).toEqual([]);
});

test('one writer a digest: the next waits until the one before has ended', async () => {
  const blobs = openBlobs(directory);
  const first = await blobs.openPartial(digest);
  await first.write(content);
  let isOpen = false;
  const second = blobs.openPartial(digest).then((partial) => {
    isOpen = true;
    return partial;
  });
  const other = await blobs.openPartial(digestOf(Buffer.from('other')));
  await other.discard();
  expect(isOpen).toBe(false);
  await first.finish();
  const partial = await second;
  expect(blobs.has(digest)).toBe(true);
  await partial.discard();
});

test('of what is half-downloaded the old goes, and the empty, and what is too much', async () => {
  const blobs = openBlobs(directory);
  const names = ['old', 'new', 'empty'].map((text) => encodedOf(digestOf(Buffer.from(text))));
  const paths = names.map((name) => join(directory, 'partial', name));
  for (const path of paths) writeFileSync(path, path === paths[2] ? '' : 'x'.repeat(10));
  utimesSync(paths[0] as string, 1, 1);
  await blobs.removeUnfinished();
  expect(paths.map((path) => existsSync(path))).toEqual([false, true, false]);
  expect(readFileSync(paths[1] as string, 'utf8')).toHaveLength(10);
});
