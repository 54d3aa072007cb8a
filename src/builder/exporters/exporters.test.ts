import { afterAll, beforeAll, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildLayer } from '#images';
import { digestOf, type Platform } from '#oci';
import type { CacheableResult, FrontendOutput } from '../types.ts';
import { createExporter } from './export.ts';
import {
  clientSession,
  configOfTwo as config,
  contextOf,
  type ExportFixture,
  openExportFixture,
  outputOf,
  type Received,
  readJson,
  resultOf,
  shown,
  solverOf,
  untar,
} from './fixture.ts';

type Output = FrontendOutput & { readonly chain: readonly string[] };

let fixture: ExportFixture;
let layers: BuildLayer[];
beforeAll(async () => {
  fixture = await openExportFixture();
  const base = await fixture.layer([], (root) => {
    mkdirSync(join(root, 'bin'));
    writeFileSync(join(root, 'bin/sh'), 'shell');
    chmodSync(join(root, 'bin/sh'), 0o755);
    utimesSync(join(root, 'bin/sh'), 1000, 1000);
    utimesSync(join(root, 'bin'), 1000, 1000);
  });
  const top = await fixture.layer([base.chainId], (root) => {
    writeFileSync(join(root, 'file'), 'content'.repeat(1000));
    utimesSync(join(root, 'file'), 2_000_000_000, 2_000_000_000);
  });
  layers = [base, top];
});
afterAll(() => fixture[Symbol.asyncDispose]());

async function exportAs(
  type: string,
  attributes: Record<string, string> = {},
  given: { outputs?: Output[]; isMultiPlatform?: boolean; caches?: string[]; cacheable?: CacheableResult[] } = {},
): Promise<{ response: Record<string, string>; lines: string[]; received: Received; warnings: string[] }> {
  const outputs = given.outputs ?? [outputOf(layers, config)];
  const { session, received } = clientSession((directory) => readdirSync(directory).sort());
  const context = contextOf(session);
  const parts = {
    builds: fixture.images.builds,
    solver: solverOf(fixture.images, outputs, given.cacheable),
    distribution: fixture.distribution,
  };
  const result = resultOf(
    outputs,
    given.isMultiPlatform === undefined ? {} : { isMultiPlatform: given.isMultiPlatform },
  );
  const requests = {
    exporters: [{ type, attributes, id: '0' }],
    caches: (given.caches ?? []).map((kind) => ({ type: kind, attributes: { dest: 'there', mode: 'max' } })),
  };
  const [response = {}] = await createExporter(parts)(result, requests, context);
  const warnings = context.progress.flatMap((message) => (message.type === 'warning' ? [message.short] : []));
  return { response, lines: shown(context.progress), received, warnings };
}

test('into the engine: names, response, progress, and a configuration as BuildKit makes it', async () => {
  const { response, lines } = await exportAs('moby', { name: 'app,foo.bar/x,foo.bar/y:1' });
  const image = fixture.images.inspect('app');
  expect(response).toEqual({
    'containerimage.config.digest': image.Id,
    'containerimage.digest': image.Id,
    'image.name': 'docker.io/library/app,foo.bar/x,foo.bar/y:1',
  });
  expect(lines).toEqual([
    'exporting to image',
    'exporting layers',
    `writing image ${image.Id}`,
    'naming to docker.io/library/app',
    'naming to foo.bar/x',
    'naming to foo.bar/y:1',
  ]);
  expect(image.RepoTags).toEqual(['app:latest', 'foo.bar/x:latest', 'foo.bar/y:1']);
  expect(image.RootFS.Layers).toEqual(layers.map(({ diffId }) => diffId));
  const history = fixture.images.history('app');
  expect(history.map(({ CreatedBy }) => CreatedBy)).toEqual(['CMD ["sh"]', 'COPY file /', 'ENV A=<b>', 'base']);
  // All that is new is as old as the first new layer.
  expect(image.Created).toBe(layers[1]?.createdAt ?? '');
  expect(new Set(history.slice(0, 3).map(({ Created }) => Created)).size).toBe(1);
  // The same layers from the cache are the same image.
  expect((await exportAs('image', { name: 'app' })).response['containerimage.digest']).toBe(image.Id);
  expect((await exportAs('moby')).response).toEqual({
    'containerimage.config.digest': image.Id,
    'containerimage.digest': image.Id,
  });
});

test('SOURCE_DATE_EPOCH: nothing is later, and with rewrite-timestamp neither are files; those of the base stay', async () => {
  const output = {
    ...outputOf(layers, config),
    baseConfig: Buffer.from(JSON.stringify({ rootfs: { type: 'layers', diff_ids: [layers[0]?.diffId] } })),
  };
  const attributes = { name: 'epoch', 'source-date-epoch': '1600000000' };
  const plain = await exportAs('moby', attributes, { outputs: [output] });
  expect(fixture.images.inspect('epoch').Created).toBe('2020-09-13T12:26:40Z');
  expect(fixture.images.history('epoch').map(({ Created }) => Created)).toEqual([
    1_600_000_000, 1_600_000_000, 1_600_000_000, 1_577_934_245,
  ]);
  expect((await exportAs('moby', attributes, { outputs: [output] })).response).toEqual(plain.response);
  const rewritten = await exportAs('moby', { ...attributes, 'rewrite-timestamp': 'true' }, { outputs: [output] });
  expect(rewritten.response['containerimage.digest']).not.toBe(plain.response['containerimage.digest']);
  const { chain } = fixture.images.resolve('epoch');
  expect(chain[0]).toBe(layers[0]?.chainId ?? '');
  const look = fixture.images.builds.mount(chain);
  expect(statSync(join(look.directory, 'file')).mtimeMs).toBe(1_600_000_000_000);
  expect(statSync(join(look.directory, 'bin/sh')).mtimeMs).toBe(1_000_000);
  await look.unmount();
  const again = await exportAs('oci', { ...attributes, 'rewrite-timestamp': 'true' }, { outputs: [output] });
  expect(again.response['containerimage.config.digest']).toBe(rewritten.response['containerimage.config.digest'] ?? '');
});

test('an archive for docker load, and one that is an OCI layout; annotations and compression as asked for', async () => {
  const docker = await exportAs('docker', { name: 'archived:1', dest: 'x.tar' });
  expect(docker.lines.map((line) => line.replace(/sha256:.*/, '…'))).toEqual([
    'exporting to docker image format',
    'exporting layers',
    'exporting manifest …',
    'exporting config …',
    'sending tarball',
  ]);
  const archive = docker.received.files.get('0') ?? Buffer.alloc(0);
  expect(docker.received.metadata.get('0')).toEqual(docker.response);
  const files = untar(archive);
  const [{ RepoTags, Config }] = readJson(files.get('manifest.json'));
  expect([RepoTags, Config]).toEqual([
    ['archived:1'],
    `blobs/sha256/${docker.response['containerimage.config.digest']?.slice(7)}`,
  ]);
  const told = await Array.fromAsync(
    fixture.images.load(new Response(archive).body ?? new ReadableStream(), { quiet: true }),
  );
  expect(told.at(-1)).toEqual({ stream: 'Loaded image: archived:1\n' });
  expect(fixture.images.inspect('archived:1').Id).toBe(docker.response['containerimage.config.digest'] ?? '');

  const oci = await exportAs('oci', {
    ...{ name: 'a.b/c:2', compression: 'zstd', 'compression-level': '5', 'annotation.who': 'me' },
    ...{ 'annotation-manifest-descriptor.where': 'here', 'annotation[linux/arm64].not': 'this' },
  });
  const layout = untar(oci.received.files.get('0') ?? Buffer.alloc(0));
  const [entry] = readJson(layout.get('index.json')).manifests;
  expect(entry).toMatchObject({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: oci.response['containerimage.digest'],
    annotations: {
      'io.containerd.image.name': 'a.b/c:2',
      'org.opencontainers.image.ref.name': '2',
      where: 'here',
    },
  });
  const blob = (digest = '') => layout.get(`blobs/sha256/${digest.slice(7)}`);
  const manifest = readJson(blob(entry.digest));
  expect(manifest.annotations).toEqual({ who: 'me' });
  for (const { mediaType, digest, size } of manifest.layers) {
    expect(mediaType).toBe('application/vnd.oci.image.layer.v1.tar+zstd');
    expect(digestOf(blob(digest) ?? '')).toBe(digest);
    expect(blob(digest)?.length).toBe(size);
  }
  expect(JSON.parse(Buffer.from(oci.response['containerimage.descriptor'] ?? '', 'base64').toString()).digest).toBe(
    entry.digest,
  );
  // What was packed on the way is gone.
  expect(readdirSync(join(layers[0]?.directory ?? '', '../../../blobs/unfinished'))).toEqual([]);
});

const arm: Platform = { os: 'linux', architecture: 'arm64' };
const amd: Platform = { os: 'linux', architecture: 'amd64' };

test('several platforms: an index, directories for each, and of them the engine keeps what it runs', async () => {
  const foreign = { ...config, architecture: process.arch === 'arm64' ? 'amd64' : 'arm64' };
  const [here, there] = process.arch === 'arm64' ? [arm, amd] : [amd, arm];
  const outputs = [outputOf(layers.slice(0, 1), foreign, there), outputOf(layers, config, here)];
  const oci = await exportAs('oci', { tar: 'false' }, { outputs });
  const store = oci.received.stores.get('export');
  const index = readJson(store?.get(oci.response['containerimage.digest'] ?? ''));
  expect(index.manifests.map(({ platform }: { platform: object }) => platform)).toEqual(
    [there, here].map(({ os, architecture }) => ({ architecture, os })),
  );
  for (const { digest } of index.manifests) expect(store?.has(digest)).toBe(true);
  await expect(exportAs('docker', {}, { outputs })).rejects.toThrow(
    'docker exporter does not currently support exporting manifest lists',
  );

  const moby = await exportAs('moby', { name: 'several' }, { outputs });
  expect(fixture.images.inspect('several').RootFS.Layers).toHaveLength(2);
  expect(moby.warnings).toHaveLength(1);
  expect((await exportAs('moby', { name: 'foreign' }, { outputs: outputs.slice(0, 1) })).warnings).toEqual([]);

  const local = await exportAs('local', {}, { outputs });
  expect(local.received.directories.map(({ transfer, names }) => [transfer.below, ...names])).toEqual([
    [`linux_${there.architecture}`, 'bin'],
    [`linux_${here.architecture}`, 'bin', 'file'],
  ]);
  expect(local.lines).toEqual([
    'exporting to client directory',
    `copying files linux/${there.architecture}`,
    `copying files linux/${here.architecture}`,
  ]);
  const tar = await exportAs('tar', {}, { outputs });
  expect([...untar(tar.received.files.get('0') ?? Buffer.alloc(0)).keys()]).toEqual([
    `linux_${there.architecture}/bin/sh`,
    `linux_${here.architecture}/bin/sh`,
    `linux_${here.architecture}/file`,
  ]);
});

test('files as they are, in a directory or a tar', async () => {
  const local = await exportAs('local');
  expect(local.lines).toEqual(['exporting to client directory', 'copying files']);
  expect(local.received.directories[0]).toMatchObject({ id: '0', names: ['bin', 'file'] });
  const tar = await exportAs('tar', { 'source-date-epoch': '5' });
  expect(tar.lines).toEqual(['exporting to client tarball', 'sending tarball']);
  const verbose = execFileSync('tar', ['--utc', '-tvf', '-'], { input: tar.received.files.get('0'), encoding: 'utf8' });
  expect(verbose.match(/1970-01-01 00:00/g)).toHaveLength(3);
  expect((await exportAs('cacheonly')).lines).toEqual([]);
});

test('what is wrong is said before anything is done, in the words of BuildKit', async () => {
  const wrong: [string, Record<string, string>, string][] = [
    ['odd', {}, 'exporter "odd" could not be found'],
    ['constructor', {}, 'exporter "constructor" could not be found'],
    [
      'moby',
      { push: 'maybe' },
      'non-bool value specified for push: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    ['oci', { compression: 'estargz' }, 'unsupported layer compression type: estargz'],
    ['oci', { 'compression-level': 'x' }, 'non-int value x specified for compression-level'],
    [
      'moby',
      { name: 'UPPER' },
      'failed to parse UPPER: invalid reference format: repository name (library/UPPER) must be lowercase',
    ],
    ['image', { push: 'true' }, 'tag is needed when pushing to registry'],
    ['moby', { 'source-date-epoch': 'yesterday' }, 'invalid SOURCE_DATE_EPOCH: yesterday'],
  ];
  for (const [type, attributes, message] of wrong) {
    await expect(exportAs(type, attributes)).rejects.toThrow(message);
  }
  await expect(exportAs('moby', {}, { caches: ['gha'] })).rejects.toThrow('unknown cache exporter: "gha"');
});

test('a configuration that tells of more layers than there are, of fewer, or of nothing', async () => {
  const without = await exportAs('moby', { name: 'without' }, { outputs: [outputOf(layers, undefined)] });
  expect(without.response['image.name']).toBe('docker.io/library/without');
  expect(fixture.images.inspect('without').Config?.WorkingDir).toBe('/');
  expect(fixture.images.history('without')).toHaveLength(2);
  const empty = await exportAs('moby', { name: 'empty' }, { outputs: [outputOf([], { ...config, history: [] })] });
  expect(fixture.images.inspect('empty').RootFS.Layers ?? []).toEqual([]);
  expect(empty.lines[0]).toBe('exporting to image');
  const more = { ...config, history: [...config.history, { created_by: 'RUN true' }] };
  await exportAs('moby', { name: 'more' }, { outputs: [outputOf(layers, more)] });
  expect(fixture.images.history('more').map(({ CreatedBy, Size }) => [CreatedBy, Size > 0])).toEqual([
    ['RUN true', false],
    ['CMD ["sh"]', false],
    ['COPY file /', true],
    ['ENV A=<b>', false],
    ['base', true],
  ]);
});

test('caches: in the image itself, and in a directory of the client', async () => {
  const chain = layers.map(({ chainId }) => chainId);
  const cacheable: CacheableResult[] = [
    {
      keys: ['sha256:one', 'sha256:alias'],
      inputs: [],
      chain: chain.slice(0, 1),
      description: 'one',
      createdAt: '2020-01-01T00:00:00Z',
    },
    { keys: ['sha256:two'], inputs: ['sha256:one'], chain, description: 'two', createdAt: '2020-01-01T00:00:00Z' },
  ];
  const inline = await exportAs('docker', {}, { cacheable, caches: ['inline'] });
  const files = untar(inline.received.files.get('0') ?? Buffer.alloc(0));
  const written = readJson(files.get(`blobs/sha256/${inline.response['containerimage.config.digest']?.slice(7)}`));
  const records = readJson(Buffer.from(written['moby.buildkit.cache.v0'], 'base64'));
  expect(
    records.map(({ digest, layers: [found] }: { digest: string; layers: { layer: number }[] }) => [
      digest,
      found?.layer,
    ]),
  ).toEqual([
    ['sha256:one', 0],
    ['sha256:two', 1],
    ['sha256:alias', 0],
  ]);
  expect((await exportAs('moby', {}, { cacheable, caches: ['inline'] })).lines[2]).toBe(
    'preparing layers for inline cache',
  );

  const local = await exportAs('cacheonly', {}, { cacheable, caches: ['local'] });
  const root = JSON.parse(local.response['cache.manifest'] ?? '');
  const store = local.received.stores.get('local:there');
  const manifest = readJson(store?.get(root.digest));
  expect(manifest.config.mediaType).toBe('application/vnd.buildkit.cacheconfig.v0');
  const described = readJson(store?.get(manifest.config.digest));
  expect(described.layers.map(({ parent }: { parent?: number }) => parent)).toEqual([-1, undefined]);
  expect(described.records[1].inputs).toEqual([[{ link: 0 }]]);
  expect(local.lines[0]).toBe('exporting cache to client directory');
});
