import { afterEach, beforeEach, expect, test } from 'bun:test';
import { digestOf } from '#oci';
import { openRecords } from '#store';
import { openCatalogue } from './catalogue.ts';
import { type ImagesFixture, openFixture } from './fixture.ts';
import { blobsOfManifest, manifestsOf, putManifest, type StoredManifest } from './manifests.ts';

function manifest(id: string, imageId: string, more: Partial<StoredManifest> = {}): StoredManifest {
  const config = { mediaType: 'c', digest: digestOf('config'), size: 6 };
  return { id, mediaType: 'm', sizeBytes: 1, imageId, config, layers: [], indexes: [], seenAtMs: 1, ...more };
}

let fixture: ImagesFixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture[Symbol.asyncDispose]());

test('a manifest names its blobs: the indexes it was chosen from, and of an artifact all that it consists of', () => {
  const index = (text: string) => ({ mediaType: 'i', digest: digestOf(text), size: text.length });
  const layer = { mediaType: 'l', digest: digestOf('layer'), size: 5 };
  const plain = manifest(digestOf('m'), digestOf('config'), { indexes: [index('one')], layers: [layer] });
  expect(blobsOfManifest(plain)).toEqual([digestOf('m'), digestOf('one')]);
  const blobs = blobsOfManifest({ ...plain, artifactType: 'application/vnd.example' });
  expect(blobs).toEqual([digestOf('m'), digestOf('one'), digestOf('config'), digestOf('layer')]);

  using records = openRecords(':memory:');
  const { manifests } = openCatalogue(records);
  putManifest(manifests, { record: plain, contents: [] });
  putManifest(manifests, { record: { ...plain, indexes: [index('two')], seenAtMs: 2 }, contents: [] });
  putManifest(manifests, { record: manifest(digestOf('n'), plain.imageId, { seenAtMs: 3 }), contents: [] });
  putManifest(manifests, { record: manifest(digestOf('o'), digestOf('another')), contents: [] });
  const ofImage = manifestsOf(manifests, plain.imageId);
  expect(ofImage.map(({ id }) => id)).toEqual([digestOf('n'), digestOf('m')]);
  expect(ofImage[1]?.indexes.map(({ digest }) => digest)).toEqual([digestOf('two'), digestOf('one')]);
});
