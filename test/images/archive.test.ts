import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestOf, encodedOf, mediaTypes } from '#oci';
import { configFor, type ImagesFixture, openFixture, type Part, tar } from '../../src/images/fixture.ts';
import { startOwnRegistry, startRegistry, type TestRegistry } from '../harness/index.ts';

let registry: TestRegistry;
let fixture: ImagesFixture;
beforeAll(async () => {
  registry = await startRegistry();
});
beforeEach(async () => {
  await fixture?.[Symbol.asyncDispose]();
  fixture = await openFixture();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const base = tar({ path: 'etc/base', content: 'base' });
// Too large to be kept in memory while it is loaded.
const noise = (seed: string) => Buffer.concat(Array.from({ length: 12_000 }, (_, at) => digestBytes(`${seed}${at}`)));
const large = tar({ path: 'large', content: noise('large') });
const nothing = { layers: [], blobs: [], others: [] };
const force = { force: true, noPrune: false };

function digestBytes(text: string): Buffer {
  return Buffer.from(encodedOf(digestOf(text)), 'hex');
}

async function last(messages: AsyncIterable<{ status?: string; aux?: unknown }> | Promise<AsyncIterable<unknown>>) {
  const all = (await Array.fromAsync(await messages)) as { status?: string; aux?: { Digest?: string } }[];
  return all.findLast(({ aux }) => aux !== undefined)?.aux?.Digest ?? all.at(-1)?.status;
}

const signal = () => new AbortController().signal;
const push = (name: string, tag: string) =>
  last(fixture.images.push({ name, tag, credentials: {}, signal: signal() }) as AsyncIterable<{ aux?: unknown }>);
const pull = (name: string, tag: string) => last(fixture.images.pull({ reference: name, tag, signal: signal() }));

async function removeAll(): Promise<void> {
  for (const { Id } of fixture.images.list({ all: true, digests: true, filters: new Map() })) {
    await fixture.images.remove(Id, force);
  }
  expect(await fixture.leftOnDisk()).toEqual(nothing);
}

/** An OCI layout of these layers, as they are given, and the digest of its manifest. */
function layout(layers: readonly { content: Buffer; plain: Buffer; type: string }[], name: string, nested = false) {
  const contents: Buffer[] = [];
  const put = (content: Buffer, mediaType: string) => {
    contents.push(content);
    return { mediaType, digest: digestOf(content), size: content.length };
  };
  const config = put(configFor(layers.map(({ plain }) => plain)), mediaTypes.config);
  const named = layers.map(({ content, type }) => put(content, mediaTypes.layer + type));
  const manifest = put(
    // Spaced as nobody else does: it must stay so.
    Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: named, annotations: { kept: 'yes' } }, null, 2)),
    mediaTypes.manifest,
  );
  const index = { schemaVersion: 2, manifests: [manifest] };
  const top = nested ? put(Buffer.from(JSON.stringify(index)), mediaTypes.index) : manifest;
  const annotations = { 'io.containerd.image.name': name };
  const parts: Part[] = [
    { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    ...contents.map((content) => ({ path: `blobs/sha256/${encodedOf(digestOf(content))}`, content })),
    { path: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests: [{ ...top, annotations }] }) },
  ];
  return { archive: tar(...parts), digest: top.digest, manifest: manifest.digest };
}

function indexOf(archive: Buffer): { digest: string; size: number; mediaType: string }[] {
  const { stdout } = Bun.spawnSync(['tar', '-xOf', '-', 'index.json'], { stdin: archive });
  return JSON.parse(stdout.toString()).manifests;
}

const gzipped = (plain: Buffer) => ({ plain, content: gzipSync(plain, { level: 9 }), type: '+gzip' });

test('an OCI layout keeps its manifest: what is pushed has the digest that its index says', async () => {
  const name = `${registry.host}/layout`;
  for (const nested of [false, true]) {
    for (const layers of [
      [gzipped(base), { plain: large, content: zstdCompressSync(large), type: '+zstd' }],
      [{ plain: base, content: base, type: '' }, gzipped(large)],
    ]) {
      const { archive, digest, manifest } = layout(layers, `${name}:1`, nested);
      await fixture.load(archive);
      expect(indexOf(await fixture.save(name))[0]?.digest).toBe(manifest);
      expect(await push(name, '1')).toBe(digest);
      await removeAll();
    }
  }
});

test('layers that are here compressed otherwise: the blobs of the archive are kept beside them, and go with the image', async () => {
  const name = `${registry.host}/beside`;
  await fixture.load(
    layout(
      [base, large].map((plain) => ({ plain, content: plain, type: '' })),
      'plain:1',
    ).archive,
  );
  const { archive, digest } = layout([gzipped(base), gzipped(large)], `${name}:1`);
  for (const again of [false, true]) {
    await fixture.load(archive);
    if (again) await fixture.reopen();
  }
  await fixture.images.reconcile();
  const reports = await Array.fromAsync(
    fixture.images.check([`${name}:1`], { repair: false, credentials: {}, signal: signal() }),
  );
  expect(reports.at(-1)?.aux).toMatchObject({ Problems: [] });
  expect(await push(name, '1')).toBe(digest);
  const saved = await fixture.save(name);
  expect(indexOf(saved)[0]?.digest).toBe(digest);
  await fixture.images.remove('plain:1', force);
  expect(await push(name, '1')).toBe(digest);
  await removeAll();
  await fixture.load(saved);
  expect(Buffer.compare(await fixture.save(name), saved)).toBe(0);
  await removeAll();
});

test('what is pulled is saved with its own manifest and blobs, and loads as a docker-archive and as a layout', async () => {
  const name = `${registry.host}/pulled`;
  await fixture.load(layout([gzipped(base), gzipped(large)], `${name}:1`).archive);
  const digest = await push(name, '1');
  await removeAll();
  await pull(name, '1');
  const saved = await fixture.save(`${name}:1`);
  const [entry] = indexOf(saved);
  expect(entry).toMatchObject({ digest: digest as string, mediaType: mediaTypes.manifest });
  const { Id } = fixture.images.inspect(`${name}:1`);
  const halves = [['manifest.json', 'repositories'], ['index.json', 'oci-layout'], []];
  for (const half of halves) {
    const { stdout } = Bun.spawnSync(['tar', '--delete', '-f', '-', ...half], { stdin: saved });
    const archive = half.length === 0 ? saved : stdout;
    await removeAll();
    expect((await fixture.load(archive, true)).at(-1)).toEqual({ stream: `Loaded image: ${name}:1\n` });
    expect(fixture.images.inspect(`${name}:1`).Id).toBe(Id);
    if (half[0] !== 'index.json') expect(await push(name, '1')).toBe(digest as string);
  }
  await removeAll();
});

test('pulled over a layer that is here compressed otherwise: what another repository of the registry has is taken from there', async () => {
  const name = `${registry.host}/from`;
  await fixture.load(layout([gzipped(base), gzipped(large)], `${name}:1`).archive);
  const digest = await push(name, '1');
  await removeAll();
  await fixture.load(layout([{ plain: base, content: base, type: '' }], 'plain:1').archive);
  await pull(name, '1');
  fixture.images.tag(`${name}:1`, `${registry.host}/to`, '1');
  expect(await push(`${registry.host}/to`, '1')).toBe(digest as string);
  await removeAll();
});

test('a layer whose tar is older than the magic of tars', async () => {
  const { stdout } = Bun.spawnSync(['tar', '--format=v7', '-cf', '-', '-C', '/usr/bin', 'env', 'bash'], {});
  expect(stdout.toString('latin1', 257, 262)).not.toBe('ustar');
  const { archive, manifest } = layout([{ plain: stdout, content: stdout, type: '' }, gzipped(base)], 'old:1');
  await fixture.load(archive);
  expect(indexOf(await fixture.save('old:1'))[0]?.digest).toBe(manifest);
  const damaged = Buffer.from(archive);
  const at = archive.indexOf(stdout) + 700;
  damaged.writeUInt8(damaged.readUInt8(at) ^ 0xff, at);
  await removeAll();
  await expect(fixture.load(damaged)).rejects.toThrow('is damaged');
  expect(await fixture.leftOnDisk()).toEqual(nothing);
});

test('a manifest that says what is not so is not kept, and the image is', async () => {
  const name = 'lies:1';
  const { archive, digest } = layout([gzipped(large)], name);
  const lie = (text: string, from: RegExp, to: string) => Buffer.from(text.replace(from, to), 'latin1');
  const content = archive.toString('latin1');
  const size = String(gzipped(large).content.length);
  const wrong = lie(content, new RegExp(`"size": ${size}`), `"size": ${Number(size) - 1}`);
  // Under its old name it is damaged; under its own it lies about a size.
  await expect(fixture.load(wrong)).rejects.toThrow('is damaged');
  expect(await fixture.leftOnDisk()).toEqual(nothing);
  const old = encodedOf(digest);
  const start = content.indexOf('{\n  "schemaVersion"');
  const end = content.indexOf('\n}', start) + 2;
  const now = encodedOf(digestOf(Buffer.from(wrong.toString('latin1').slice(start, end), 'latin1')));
  // The names of files are in checksums too.
  const renamed = Bun.spawnSync(
    [
      'sh',
      '-c',
      'd=$(mktemp -d) && cd $d && tar -xf - && mv blobs/sha256/$0 blobs/sha256/$1 && sed -i s/$0/$1/ index.json && tar -cf - *; rm -rf $d',
      old,
      now,
    ],
    { stdin: wrong },
  );
  await fixture.load(renamed.stdout);
  expect(indexOf(await fixture.save(name))[0]?.digest).not.toBe(`sha256:${now}`);
  await removeAll();
});

test('an artifact goes through an archive whole, and refers to its subject wherever it is pushed', async () => {
  const name = `${registry.host}/chart`;
  const chart = gzipSync(large);
  const contents = [Buffer.from('{}'), chart, Buffer.from('small'), noise('weights'), large];
  const types = ['config.v1+json', 'chart.content.v1.tar+gzip', 'chart.provenance.v1.prov', 'weights', 'files.tar'];
  const [config, ...layers] = contents.map((content, at) => ({
    mediaType: `application/vnd.cncf.helm.${types[at]}`,
    digest: digestOf(content),
    size: content.length,
  }));
  const subject = { mediaType: mediaTypes.manifest, digest: digestOf('subject'), size: 7 };
  const fields = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers, subject };
  const manifest = Buffer.from(JSON.stringify(fields));
  const digest = digestOf(manifest);
  const named = { mediaType: mediaTypes.manifest, digest, size: manifest.length };
  const annotations = { 'io.containerd.image.name': `${name}:1` };
  await fixture.load(
    tar(
      ...[manifest, ...contents].map((content) => ({ path: `blobs/sha256/${encodedOf(digestOf(content))}`, content })),
      { path: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests: [{ ...named, annotations }] }) },
    ),
  );
  expect(fixture.images.resolve(`${name}:1`)).toMatchObject({ id: digest, artifactType: config?.mediaType ?? '' });
  await fixture.importTar('beside:1');
  const saved = await fixture.save(name, 'beside:1');
  expect(await push(name, '1')).toBe(digest);
  await removeAll();
  await fixture.load(saved);
  expect(fixture.list().sort()).toEqual([`${name}:1`, 'beside:1'].sort());
  await removeAll();
  await pull(name, '1');
  expect(indexOf(await fixture.save(name))[0]?.digest).toBe(digest);
  await using referring = await startOwnRegistry();
  const { host } = new URL(referring.url);
  fixture.images.tag(`${name}:1`, `${host}/chart`, '1');
  expect(await push(`${host}/chart`, '1')).toBe(digest);
  const answer = await fetch(`${referring.url}/v2/chart/referrers/${subject.digest}`);
  expect(((await answer.json()) as { manifests: object[] }).manifests).toMatchObject([{ digest }]);
  await removeAll();
});
