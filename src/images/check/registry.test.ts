import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ImageCheckReport } from '#api';
import { digestOf, encodedOf } from '#oci';
import { fail } from '#std/errors';
import { openBlobSources } from '../blob-sources.ts';
import { openCatalogue } from '../catalogue.ts';
import { configFor, dockerArchive, type ImagesFixture, openFixture, tar } from '../fixture.ts';

const layer = tar({ path: 'etc/conf', content: 'one' }, { path: 'etc/other', content: 'two' });
const config = configFor([layer]);
const compressed = gzipSync(layer);
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
    layers: [
      {
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest: digestOf(compressed),
        size: compressed.length,
      },
    ],
  }),
);

/** What the registry has, by digest. */
const contents = new Map<string, Buffer>();
/** What it was told of who asks. */
const authorizations = new Set<string | null>();
let server: ReturnType<typeof Bun.serve>;
let fixture: ImagesFixture;
let repository: string;

beforeAll(async () => {
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      authorizations.add(request.headers.get('authorization'));
      const { pathname } = new URL(request.url);
      const content = contents.get(pathname.slice(pathname.lastIndexOf('/') + 1));
      if (pathname === '/v2/') return new Response('{}');
      if (content === undefined) return new Response('{"errors":[{"code":"BLOB_UNKNOWN"}]}', { status: 404 });
      const type = pathname.includes('/manifests/')
        ? 'application/vnd.oci.image.manifest.v1+json'
        : 'application/octet-stream';
      return new Response(content, { headers: { 'Content-Type': type, 'Content-Length': String(content.length) } });
    },
  });
  repository = `127.0.0.1:${server.port}/team/app`;
  fixture = await openFixture();
  await fixture.load(dockerArchive([layer], ['app:1']));
  const catalogue = openCatalogue(fixture.records);
  const id = `${repository}@${digestOf(manifest)}`;
  catalogue.references.put({ id, imageId: digestOf(config) });
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await server.stop(true);
});

const blobPath = (digest: string): string => join(fixture.dataRoot, 'blobs/sha256', encodedOf(digest));

async function check(repair: boolean, credentials = {}, name = 'app:1'): Promise<ImageCheckReport> {
  const request = { repair, credentials, signal: new AbortController().signal };
  const messages = await Array.fromAsync(fixture.images.check([name], request));
  return messages.at(-1)?.aux as ImageCheckReport;
}

test('configuration and blob come from the registry; what it sends instead is never kept', async () => {
  const stored = openCatalogue(fixture.records).layers.get(digestOf(layer));
  const blob = stored?.blob ?? '';
  const whole = readFileSync(blobPath(blob));
  writeFileSync(blobPath(blob), 'damaged');
  writeFileSync(blobPath(digestOf(config)), 'damaged');
  rmSync(fixture.images.inspect('app:1').GraphDriver.Data?.UpperDir ?? '', { recursive: true });
  contents.set(blob, Buffer.from('a lie'));
  contents.set(digestOf(config), Buffer.from('a lie'));
  const lied = await check(true);
  expect(lied.Healed).toEqual([]);
  expect(lied.NotHealed.every((reason) => reason.includes(repository))).toBe(true);
  expect(readFileSync(blobPath(blob), 'utf8')).toBe('damaged');
  contents.set(blob, whole);
  contents.set(digestOf(config), config);
  const healed = await check(true);
  expect(healed).toMatchObject({ ProblemsTotal: 0, NotHealed: [] });
  expect(healed.Healed).toEqual([
    `the configuration, from ${repository}`,
    expect.stringContaining(`from ${repository}`),
    expect.stringContaining('unpacked anew'),
  ]);
  expect(readFileSync(blobPath(blob)).equals(whole)).toBe(true);
});

test('where nobody has the very blob, another one of the same layer takes its place', async () => {
  const catalogue = openCatalogue(fixture.records);
  const before = catalogue.layers.get(digestOf(layer))?.blob ?? '';
  contents.clear();
  contents.set(digestOf(compressed), compressed);
  openBlobSources(fixture.records).put({
    digest: digestOf(compressed),
    diffId: digestOf(layer),
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    sizeBytes: compressed.length,
    repository,
  });
  rmSync(blobPath(before));
  expect(await check(true)).toMatchObject({ ProblemsTotal: 0, NotHealed: [], Healed: [expect.any(String)] });
  expect(catalogue.layers.get(digestOf(layer))?.blob).toBe(digestOf(compressed));
  expect(await check(false)).toMatchObject({ ProblemsTotal: 0 });
});

test('credentials are for the registry that they name alone', async () => {
  contents.clear();
  rmSync(blobPath(digestOf(config)));
  const credentials = { username: 'ann', password: 'secret', serveraddress: 'other.test' };
  expect((await check(true, credentials)).NotHealed).toHaveLength(1);
  expect([...authorizations]).toEqual([null]);
  contents.set(digestOf(config), config);
  expect(await check(true, credentials)).toMatchObject({ ProblemsTotal: 0 });
});

test('a manifest is had again bit for bit', async () => {
  const descriptor = { mediaType: 'application/vnd.oci.image.manifest.v1+json', sizeBytes: manifest.length };
  const { config: of, layers } = JSON.parse(manifest.toString());
  openCatalogue(fixture.records).manifests.put({
    ...{
      id: digestOf(manifest),
      ...descriptor,
      imageId: digestOf(config),
      config: of,
      layers,
      indexes: [],
      seenAtMs: 0,
    },
  });
  expect((await check(true)).Problems).toMatchObject([{ Subject: 'manifest', Digest: digestOf(manifest) }]);
  contents.set(digestOf(manifest), manifest);
  expect(await check(true)).toMatchObject({ ProblemsTotal: 0, NotHealed: [] });
  expect(readFileSync(blobPath(digestOf(manifest))).equals(manifest)).toBe(true);
});

test('an artifact is checked and healed blob by blob', async () => {
  const part = Buffer.from('part of a chart');
  const empty = Buffer.from('{}');
  const descriptor = (content: Buffer) => ({
    mediaType: 'application/vnd.example',
    digest: digestOf(content),
    size: content.length,
  });
  const catalogue = openCatalogue(fixture.records);
  const known = catalogue.images.get(digestOf(config));
  if (known === undefined) throw fail('internal', 'the image is gone');
  const id = digestOf(manifest);
  catalogue.images.put({ ...known, id, chain: [], diffIds: [] });
  catalogue.references.put({ id: `${repository}:chart`, imageId: id });
  catalogue.references.put({ id: `${repository}@${id}`, imageId: id });
  catalogue.manifests.put({
    ...{ id, mediaType: 'application/vnd.oci.image.manifest.v1+json', sizeBytes: manifest.length, imageId: id },
    ...{ config: descriptor(empty), layers: [descriptor(part)], indexes: [], seenAtMs: 0 },
    artifactType: 'application/vnd.example',
  });
  writeFileSync(blobPath(digestOf(empty)), empty);
  writeFileSync(blobPath(digestOf(part)), 'damaged');
  expect((await check(false, {}, `${repository}:chart`)).Problems).toMatchObject([
    { Subject: 'blob', Digest: digestOf(part) },
  ]);
  contents.set(digestOf(part), part);
  expect(await check(true, {}, `${repository}:chart`)).toMatchObject({ ProblemsTotal: 0, NotHealed: [] });
  expect(readFileSync(blobPath(digestOf(part))).equals(part)).toBe(true);
});
