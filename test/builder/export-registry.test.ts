/** What a build pushes, and caches of other places: with a registry of ours, read by skopeo. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildLayer } from '#images';
import { digestOf, type Platform } from '#oci';
import {
  clientSession,
  configOfTwo,
  contextOf,
  type ExportFixture,
  openExportFixture,
  outputOf,
  resultOf,
  shown,
  solverOf,
} from '../../src/builder/exporters/fixture.ts';
import { createCacheImporter, createExporter } from '../../src/builder/exporters/index.ts';
import type { CacheableResult, ExportRequest, FrontendOutput } from '../../src/builder/types.ts';
import { type OwnRegistry, run, startOwnRegistry } from '../harness/index.ts';

setDefaultTimeout(60_000);

let registry: OwnRegistry;
let fixture: ExportFixture;
let host: string;
let layers: BuildLayer[];
beforeAll(async () => {
  registry = await startOwnRegistry();
  ({ host } = new URL(registry.url));
  fixture = await openExportFixture();
  layers = await twoLayers(fixture);
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

async function twoLayers(of: ExportFixture): Promise<BuildLayer[]> {
  const base = await of.layer([], (root) => writeFileSync(join(root, 'base'), 'base'.repeat(10_000)));
  const top = await of.layer([base.chainId], (root) => writeFileSync(join(root, 'top'), 'top'));
  return [base, top];
}

type Output = FrontendOutput & { readonly chain: readonly string[] };
interface Given {
  outputs?: Output[];
  cacheable?: CacheableResult[];
  caches?: { type: string; attributes: Record<string, string> }[];
}

async function exportAs(
  exporters: Omit<ExportRequest, 'id'>[],
  { outputs = [outputOf(layers, configOfTwo)], ...given }: Given = {},
) {
  const { session, received } = clientSession();
  const context = contextOf(session);
  const { images, distribution } = fixture;
  const solver = solverOf(images, outputs, given.cacheable);
  const requests = exporters.map((request) => ({ ...request, id: '0' }));
  const responses = await createExporter({ builds: images.builds, solver, distribution })(
    resultOf(outputs),
    { exporters: requests, caches: given.caches ?? [] },
    context,
  );
  return { response: responses[0] ?? {}, lines: shown(context.progress), received };
}

async function skopeo(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(['skopeo', '--insecure-policy', ...words]);
  if (code !== 0) throw new Error(`skopeo ${words.join(' ')}: ${stderr}`);
  return stdout;
}

const inspect = async (name: string, ...words: readonly string[]) =>
  JSON.parse(await skopeo('inspect', ...words, '--tls-verify=false', `docker://${host}/${name}`));

const short = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/sha256:[0-9a-f]+/g, '…'));

test('an image is pushed under its names, and what is there is not sent again', async () => {
  const names = [`${host}/app:1`, `${host}/app:2`].join(',');
  const attributes = { name: names, push: 'true' };
  const { response, lines } = await exportAs([{ type: 'image', attributes }]);
  const manifest = await inspect('app:1', '--raw');
  expect(manifest.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json');
  expect(manifest.layers.map(({ mediaType }: { mediaType: string }) => mediaType)).toEqual(
    layers.map(() => 'application/vnd.docker.image.rootfs.diff.tar.gzip'),
  );
  expect((await inspect('app:2')).Digest).toBe(response['containerimage.digest']);
  expect(manifest.config.digest).toBe(response['containerimage.config.digest']);
  const { Id, RepoDigests } = fixture.images.inspect(`${host}/app:1`);
  expect(Id).toBe(manifest.config.digest);
  expect(RepoDigests).toEqual([`${host}/app@${response['containerimage.digest']}`]);
  expect(short(lines).slice(-5)).toEqual([
    'pushing layers',
    'exporting manifest …',
    'exporting config …',
    `pushing manifest for ${host}/app:1@…`,
    `pushing manifest for ${host}/app:2@…`,
  ]);
  const blobs = readdirSync(registry.root, { recursive: true }).length;
  const again = await exportAs([{ type: 'image', attributes: { ...attributes, store: 'false' } }]);
  expect(again.response['containerimage.digest']).toBe(response['containerimage.digest'] ?? '');
  expect(readdirSync(registry.root, { recursive: true })).toHaveLength(blobs);
  // The layers have no blob here, neither before nor after.
  expect((await inspect('app:1', '--config')).rootfs.diff_ids).toEqual(layers.map(({ diffId }) => diffId));
  const left = readdirSync(join(layers[0]?.directory ?? '', '../../../blobs/sha256'));
  expect(left).toEqual([manifest.config.digest.slice(7)]);
});

test('a layer that has no blob here is healed by the one that was pushed', async () => {
  await exportAs([{ type: 'image', attributes: { name: `${host}/healed:1`, push: 'true' } }]);
  const place = join(layers[1]?.directory ?? '', 'top');
  writeFileSync(place, 'damaged');
  const request = { repair: true, credentials: {}, signal: new AbortController().signal };
  const told = await Array.fromAsync(fixture.images.check([`${host}/healed:1`], request));
  const [report] = told.flatMap(({ aux }) =>
    aux === undefined ? [] : [aux as { Healed: string[]; Problems: object[] }],
  );
  expect(report?.Healed).toHaveLength(2);
  expect(report?.Problems).toEqual([]);
  expect(readFileSync(place, 'utf8')).toBe('top');
});

test('several repositories at once have the same image; by digest alone; zstd and annotations', async () => {
  const attributes = {
    ...{ name: `${host}/one:z,${host}/two:z`, push: 'true', store: 'false' },
    ...{ compression: 'zstd', 'annotation.who': 'me', 'annotation-index.who': 'nobody' },
  };
  await exportAs([{ type: 'image', attributes }]);
  const [one, two] = [await inspect('one:z', '--raw'), await inspect('two:z', '--raw')];
  expect(one).toEqual(two);
  expect(one.annotations).toEqual({ who: 'me' });
  expect(one.layers[0].mediaType).toBe('application/vnd.oci.image.layer.v1.tar+zstd');
  const byDigest = { name: `${host}/quiet`, 'push-by-digest': 'true' };
  const { response } = await exportAs([{ type: 'image', attributes: byDigest }]);
  const digest = response['containerimage.digest'] ?? '';
  expect(digestOf(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${host}/quiet@${digest}`))).toBe(
    digest,
  );
  await expect(inspect('quiet:latest')).rejects.toThrow('unknown');
});

test('an index of several platforms', async () => {
  const platforms: Platform[] = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));
  const outputs = platforms.map((platform, index) =>
    outputOf(layers.slice(0, index + 1), { ...configOfTwo, architecture: platform.architecture }, platform),
  );
  const attributes = { name: `${host}/several:1`, push: 'true', 'oci-mediatypes': 'true' };
  const { response } = await exportAs([{ type: 'image', attributes }], { outputs });
  const index = await inspect('several:1', '--raw');
  expect(index.mediaType).toBe('application/vnd.oci.image.index.v1+json');
  expect(index.manifests.map(({ platform }: { platform: Platform }) => platform.architecture)).toEqual([
    'amd64',
    'arm64',
  ]);
  expect(response['containerimage.digest']).toBe(
    digestOf(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${host}/several:1`)),
  );
  const foreign = await inspect('several:1', '--override-arch', 'arm64');
  expect([foreign.Architecture, foreign.Layers.length]).toEqual(['arm64', 2]);
});

test('a cache in a registry, in an image, or in a directory of the client brings layers to another engine', async () => {
  const chain = layers.map(({ chainId }) => chainId);
  const createdAt = '2020-01-01T00:00:00Z';
  const keys = ['one', 'two', 'alias'].map(digestOf);
  const [one = '', two = '', alias = ''] = keys;
  const cacheable: CacheableResult[] = [
    { keys: [one, alias], inputs: [], chain: chain.slice(0, 1), description: 'one', createdAt },
    { keys: [two], inputs: [one], chain, description: 'two', createdAt },
  ];
  const ref = `${host}/cache:main`;
  const { response } = await exportAs([], {
    cacheable,
    caches: [{ type: 'registry', attributes: { ref, mode: 'max' } }],
  });
  const manifest = await inspect('cache:main', '--raw');
  expect(manifest.config.mediaType).toBe('application/vnd.buildkit.cacheconfig.v0');
  expect(JSON.parse(response['cache.manifest'] ?? '').mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
  const asIndex = { ref: `${host}/cache:index`, 'image-manifest': 'false' };
  await exportAs([], { cacheable, caches: [{ type: 'registry', attributes: asIndex }] });
  expect((await inspect('cache:index', '--raw')).manifests.at(-1).mediaType).toBe(
    'application/vnd.buildkit.cacheconfig.v0',
  );
  const inline = { name: `${host}/inline:1`, push: 'true', store: 'false' };
  await exportAs([{ type: 'image', attributes: inline }], { cacheable, caches: [{ type: 'inline', attributes: {} }] });
  const local = await exportAs([], { cacheable, caches: [{ type: 'local', attributes: { dest: 'd', mode: 'max' } }] });

  const { session, received } = clientSession();
  for (const [name, store] of local.received.stores) received.stores.set(name, store);
  const { digest = '' } = JSON.parse(local.response['cache.manifest'] ?? '') as { digest?: string };
  const places = [
    { type: 'registry', attributes: { ref } },
    { type: 'registry', attributes: asIndex },
    { type: 'registry', attributes: { ref: `${host}/inline:1` } },
    { type: 'local', attributes: { src: 'd', digest } },
  ];
  for (const place of places) {
    await using other = await openExportFixture();
    const { builds } = other.images;
    const context = contextOf(session);
    const [found, ...others] = await createCacheImporter({ ...other.images, distribution: other.distribution })(
      [place],
      context,
    );
    expect(others).toEqual([]);
    expect(shown(context.progress)[0]).toStartWith('importing cache manifest from ');
    const [first, second, third] = await Promise.all([two, alias, two].map((key) => found?.find(key, context.signal)));
    expect([first?.chain, second?.chain, third?.chain]).toEqual([chain, chain.slice(0, 1), chain]);
    expect(await found?.find(digestOf('three'), context.signal)).toBeUndefined();
    const held = builds.hold(chain);
    expect(readFileSync(join(held?.[1]?.directory ?? '', 'top'), 'utf8')).toBe('top');
    // As old as there, so that an image made of it is the same.
    expect(held?.[1]?.createdAt).toBe(layers[1]?.createdAt);
    for (const ids of [chain, chain, chain.slice(0, 1), chain]) builds.release(ids);
    expect(builds.hold(chain.slice(0, 1))).toBeUndefined();
  }
  // An image that is here is not asked for elsewhere.
  const kept = await exportAs([{ type: 'moby', attributes: { name: 'nowhere.invalid/inline' } }], {
    cacheable,
    caches: [{ type: 'inline', attributes: {} }],
  });
  expect(kept.response['image.name']).toBe('nowhere.invalid/inline');
  const context = contextOf(session);
  const parts = { ...fixture.images, distribution: fixture.distribution };
  const here = { type: 'registry', attributes: { ref: 'nowhere.invalid/inline' } };
  const [cache] = await createCacheImporter(parts)([here], context);
  expect((await cache?.find(two, context.signal))?.chain).toEqual(chain);
  fixture.images.builds.release(chain);
  expect(
    await createCacheImporter(parts)([{ type: 'registry', attributes: { ref: `${host}/none` } }], context),
  ).toEqual([]);
  expect(context.progress.some((message) => message.type === 'vertex' && message.error !== undefined)).toBe(true);
  await expect(createCacheImporter(parts)([{ type: 's3', attributes: {} }], context)).rejects.toThrow(
    'unknown cache importer: s3',
  );
});
