import { afterEach, beforeEach, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { kindOf } from '#std/errors';
import { dockerArchive, type ImagesFixture, openFixture, streamOf, tar } from './fixture.ts';

let fixture: ImagesFixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture[Symbol.asyncDispose]());

const base = tar({ path: 'base', content: 'b'.repeat(50_000) });
const middles = [0, 1].map((number) => tar({ path: 'middle', content: `${number}`.repeat(30_000) }));

/** What may happen when others remove the same image. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (kindOf(error) !== 'not-found') throw error;
    return undefined;
  }
}

test('images that share layers are loaded, saved, used and removed at the same time', async () => {
  const { images } = fixture;
  const work = async (worker: number): Promise<void> => {
    for (let round = 0; round < 6; round += 1) {
      const middle = middles[(worker + round) % 2] as Buffer;
      const name = `app:${(worker + round) % 3}`;
      await fixture.load(dockerArchive([base, middle], [name]), true);
      const saved = unlessGone(fixture.save(name));
      const container = `${worker}-${round}`;
      const image = await unlessGone(Promise.try(() => images.resolve(name)));
      if (image !== undefined) {
        images.rootfs.create(container, image);
        await unlessGone(images.remove(name, { force: true, noPrune: false }));
        const root = images.rootfs.mount(container);
        expect(readFileSync(join(root, 'base'), 'utf8')).toHaveLength(50_000);
        expect(readFileSync(join(root, 'middle'), 'utf8')).toHaveLength(30_000);
        await images.rootfs.remove(container);
      }
      await saved;
    }
  };
  await Promise.all([0, 1, 2, 3].map(work));
  await images.prune(new Map([['dangling', ['false']]]));
  expect(fixture.list()).toEqual([]);
  expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });
});

test('the same layer ingested twice at once is there once', async () => {
  const archive = dockerArchive([base], ['one:1']);
  await Promise.all([fixture.load(archive), fixture.load(archive), fixture.importTar('two', [{ path: 'x' }])]);
  const { layers, blobs, others } = await fixture.leftOnDisk();
  expect([layers.length, blobs.length, others.length]).toEqual([2, 4, 0]);
});

test('a layer known by one compression is not kept a second time in another', async () => {
  await fixture.load(dockerArchive([base], ['one:1']));
  const before = await fixture.leftOnDisk();
  const id = await fixture.images.import({ body: streamOf(gzipSync(base)), changes: [] });
  expect(await fixture.leftOnDisk()).toMatchObject({ layers: before.layers, others: [] });
  expect((await fixture.leftOnDisk()).blobs.toSorted()).toEqual([...before.blobs, id.slice(7)].toSorted());
});

test('an image has 125 layers at most, and a commit adds none to them', async () => {
  const { images } = fixture;
  const layers = Array.from({ length: 125 }, (_, index) => tar({ path: `${index}`, content: `${index}` }));
  await fixture.load(dockerArchive(layers, ['deep:125']), true);
  const tooDeep = dockerArchive([...layers, tar({ path: 'more' })], ['deep:126']);
  await expect(fixture.load(tooDeep, true)).rejects.toThrow('max depth exceeded');
  images.rootfs.create('deep', images.resolve('deep:125'));
  writeFileSync(join(images.rootfs.describe('deep').Data.UpperDir ?? '', 'changed'), 'changed');
  const none = {} as Parameters<typeof images.commit>[0]['containerConfig'];
  const request = { repository: 'deep', author: '', comment: '', config: {}, containerConfig: none };
  await expect(images.commit({ ...request, containerId: 'deep' })).rejects.toMatchObject({
    kind: 'internal',
    message: 'max depth exceeded',
  });
  expect(fixture.list()).toEqual(['deep:125']);
  expect(await fixture.leftOnDisk()).toMatchObject({ layers: { length: 125 }, others: [] });
});
