import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '#oci';
import { openRecords } from '#store';
import { openBlobSources } from './blob-sources.ts';

const directory = mkdtempSync(join(tmpdir(), 'blob-sources-'));
afterAll(() => rmSync(directory, { recursive: true }));

function source(digest: string, repository: string, diffId = 'diff') {
  return { digest: digestOf(digest), repository, diffId: digestOf(diffId), mediaType: 'type', sizeBytes: 1 };
}

test('a blob is known by what it holds and where it was seen, also to the next engine', () => {
  const path = join(directory, 'known.sqlite');
  {
    using records = openRecords(path);
    const sources = openBlobSources(records);
    sources.put(source('a', 'host/one'));
    sources.put(source('a', 'host/two'));
    sources.put(source('a', 'host/one'));
    sources.put(source('b', 'host/one', 'other'));
  }
  using records = openRecords(path);
  const sources = openBlobSources(records);
  expect(sources.ofDiffId(digestOf('diff')).map(({ id }) => id)).toEqual([digestOf('a')]);
  expect(sources.get(digestOf('a'))?.repositories).toEqual(['host/one', 'host/two']);
  sources.drop(digestOf('a'), 'host/one');
  sources.drop(digestOf('never seen'), 'host/one');
  expect(sources.get(digestOf('a'))?.repositories).toEqual(['host/two']);
});

test('there is an end to what is remembered, and the newest stays', () => {
  using records = openRecords(join(directory, 'bounded.sqlite'));
  const sources = openBlobSources(records);
  records.transaction(() => {
    for (let index = 0; index < 5000; index++) sources.put(source(`blob ${index}`, 'host/name', 'same'));
  });
  expect(sources.ofDiffId(digestOf('same')).length).toBeLessThan(4500);
  expect(sources.get(digestOf('blob 4999'))).toBeDefined();
  for (let index = 0; index < 100; index++) sources.put(source('blob 4999', `host/name${index}`));
  expect(sources.get(digestOf('blob 4999'))?.repositories.length).toBeLessThan(30);
  expect(sources.get(digestOf('blob 4999'))?.repositories[0]).toBe('host/name99');
});
