import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '#oci';
import { openBlobs, openSnapshots, openUnpackers } from '#store';
import { streamOf, tar } from './fixture.ts';
import { unpackLoose } from './loose-layer.ts';

const directory = mkdtempSync(join(tmpdir(), 'loose-layer-'));
const blobs = openBlobs(join(directory, 'blobs'));
const snapshots = openSnapshots(join(directory, 'snapshots'));
const unpackers = openUnpackers([process.execPath, join(import.meta.dir, '../cmd/main.ts'), 'unpacker']);
const held: string[] = [];
const stores = {
  blobs,
  snapshots,
  unpackers,
  holdBlob: (digest: string): void => void held.push(digest),
  releaseBlob: (digest: string): void => void held.splice(held.indexOf(digest), 1),
};

afterAll(async () => {
  unpackers.close();
  await snapshots.settled();
  rmSync(directory, { recursive: true });
});

const content = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)));
/** More than is unpacked without a process. */
const layer = tar(...Array.from({ length: 40 }, (_, index) => ({ path: `file-${index}`, content })));

test('a large layer is unpacked in a process of its own, with the digests that it has', async () => {
  const heard: number[] = [];
  const loose = await unpackLoose(stores, streamOf(layer), { onProgress: (bytes) => heard.push(bytes) });
  expect(loose.diffId).toBe(digestOf(layer));
  expect(blobs.has(loose.blob)).toBe(true);
  expect(held).toEqual([loose.blob]);
  expect(heard.at(-1)).toBe(layer.length);
  expect(readFileSync(join(loose.draft.directory, 'file-39')).equals(content)).toBe(true);
  loose.draft.discard();
});

test('what fails there fails here with its kind, and leaves nothing; so does a source that breaks off', async () => {
  const damaged = Buffer.from(layer);
  damaged.fill(0xff, 1_800_000, 1_810_000 + 60_000);
  await expect(unpackLoose(stores, streamOf(damaged), {})).rejects.toMatchObject({ kind: 'invalid-argument' });
  const broken = streamOf(layer.subarray(0, 1_500_000), 10_000, new Error('connection reset'));
  await expect(unpackLoose(stores, broken, {})).rejects.toThrow('connection reset');
  await snapshots.settled();
  expect(readdirSync(join(directory, 'blobs/unfinished'))).toEqual([]);
  expect(readdirSync(join(directory, 'snapshots/unfinished'))).toEqual([]);
});

test('a process that is ended is an error for who waits for it, and the next layer gets another', async () => {
  const stalled = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(layer.subarray(0, 1_500_000)),
  });
  const heard = Promise.withResolvers<number>();
  const waiting = unpackLoose(stores, stalled, { onProgress: heard.resolve });
  waiting.catch(() => undefined);
  await heard.promise;
  unpackers.close();
  await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' });
  const loose = await unpackLoose(stores, streamOf(layer), {});
  expect(loose.diffId).toBe(digestOf(layer));
  loose.draft.discard();
});
