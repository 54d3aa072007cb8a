import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { ProgressMessage } from '#api';
import { digestOf, encodedOf, mediaTypes } from '#oci';
import { shortId } from '#std/identifiers';
import { configFor, type ImagesFixture, openFixture, tar } from '../../src/images/fixture.ts';
import { type ScriptedRegistry, startScriptedRegistry, until } from '../harness/index.ts';

const layerTypes = { gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip', zstd: `${mediaTypes.layer}+zstd` };
type Script = NonNullable<Parameters<typeof startScriptedRegistry>[0]>['script'];

let fixture: ImagesFixture;
let registry: ScriptedRegistry;
let script: Script;
/** Blobs asked for, in short, with the Range where there was one. */
let asked: string[];
let name: string;
/** Of layers, as the registry has them. */
const contents = new Map<string, Buffer>();

beforeEach(async () => {
  fixture = await openFixture();
  script = undefined;
  asked = [];
  registry = await startScriptedRegistry({
    script(request) {
      const digest = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(request.path)?.[1];
      if (digest !== undefined) asked.push([shortId(digest), request.headers.get('range')].filter(Boolean).join(' '));
      return script?.(request);
    },
  });
  name = `${registry.host}/team/app`;
});
afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});

interface Added {
  readonly digest: string;
  readonly size: number;
  readonly id: string;
  /** Of the blobs of the layers. */
  readonly blobs: readonly string[];
}

/** Puts an image of these layers into the registry. */
function addImage(
  tag: string | undefined,
  tars: readonly Buffer[],
  how: 'gzip' | 'zstd' | 'none' = 'gzip',
  extra = {},
): Added {
  const pack = { gzip: gzipSync, zstd: zstdCompressSync, none: (bytes: Buffer) => bytes }[how];
  const layers = tars.map((bytes) => {
    const content = pack(bytes);
    contents.set(digestOf(content), content);
    const mediaType = how === 'none' ? mediaTypes.layer : layerTypes[how];
    return { mediaType, digest: registry.addBlob(content), size: content.length };
  });
  const config = configFor(tars, extra);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: { mediaType: mediaTypes.config, digest: registry.addBlob(config), size: config.length },
    layers,
  };
  const digest = registry.addManifest(manifest, mediaTypes.dockerManifest, tag);
  const size = JSON.stringify(manifest).length;
  return { digest, size, id: digestOf(config), blobs: layers.map((layer) => layer.digest) };
}

async function collect(messages: AsyncIterable<ProgressMessage>): Promise<string[]> {
  const lines: string[] = [];
  for await (const { status = '', id, progress } of messages) {
    if (progress === undefined) lines.push(id === undefined ? status : `${id}: ${status}`);
  }
  return lines;
}

async function pull(reference: string, more: { tag?: string; platform?: string } = {}): Promise<string[]> {
  return collect(await fixture.images.pull({ reference, signal: new AbortController().signal, ...more }));
}

const base = tar({ path: 'base', content: 'b'.repeat(200_000) });
const top = tar({ path: 'top', content: 't' });
const partials = (): string[] => readdirSync(join(fixture.dataRoot, 'blobs/partial'));

describe('pull', () => {
  test('Docker’s lines; what is there is neither fetched nor told of again', async () => {
    const one = addImage('1', [base, top]);
    const [baseId = '', topId = ''] = one.blobs.map(shortId);
    const lines = await pull(name, { tag: '1' });
    expect(lines[0]).toBe('1: Pulling from team/app');
    expect(lines.slice(1, 3)).toEqual([`${baseId}: Pulling fs layer`, `${topId}: Pulling fs layer`]);
    for (const id of [baseId, topId]) {
      const own = lines.filter((line) => line.startsWith(id)).map((line) => line.slice(id.length + 2));
      expect(own).toEqual(['Pulling fs layer', 'Verifying Checksum', 'Download complete', 'Pull complete']);
    }
    expect(lines.slice(-2)).toEqual([`Digest: ${one.digest}`, `Status: Downloaded newer image for ${name}:1`]);
    const { Id, RepoTags, RepoDigests, Metadata } = fixture.images.inspect(`${name}:1`);
    expect({ Id, RepoTags, RepoDigests, tagged: Metadata.LastTagTime }).toEqual({
      Id: one.id,
      RepoTags: [`${name}:1`],
      RepoDigests: [`${name}@${one.digest}`],
      tagged: '0001-01-01T00:00:00Z',
    });
    expect(fixture.images.resolve(`${name}@${one.digest}`).id).toBe(one.id);
    expect(fixture.events()).toEqual([`pull ${name}`]);

    asked = [];
    expect((await pull(`${name}:1`)).at(-1)).toBe(`Status: Image is up to date for ${name}:1`);
    expect(asked).toEqual([]);
    const two = addImage('2', [base, tar({ path: 'other' })], 'zstd');
    expect((await pull(name, { tag: '2' })).filter((line) => line.includes('Already'))).toEqual([
      `${shortId(two.blobs[0] ?? '')}: Already exists`,
    ]);
    expect(asked).toEqual([shortId(two.id), shortId(two.blobs[1] ?? '')]);
    await pull(`${name}@${addImage('3', [top], 'none').digest}`);
    await fixture.reopen();
    await fixture.images.reconcile();
    expect(fixture.list()).toHaveLength(3);
    for (const { Id: id } of fixture.images.list({ all: true, digests: true, filters: new Map() })) {
      await fixture.images.remove(id, { force: true, noPrune: false });
    }
    expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });
  });

  test('of each layer the same is told as Docker tells, with the same fields', async () => {
    const { blobs } = addImage('1', [base, top]);
    const messages = await fixture.images.pull({ reference: `${name}:1`, signal: new AbortController().signal });
    const told = await Array.fromAsync(messages);
    for (const id of blobs.map(shortId)) {
      const own = told.filter((message) => message.id === id && message.status !== 'Downloading');
      const shapes = own.map(({ status, progressDetail = {}, progress }) =>
        [status, Object.keys(progressDetail).join(), progress === undefined ? '' : 'bar'].join(' ').trim(),
      );
      // How often it is told how far unpacking has come is a matter of time.
      expect(shapes.filter((shape, at) => shape !== shapes[at - 1])).toEqual([
        'Pulling fs layer',
        'Verifying Checksum',
        'Download complete',
        'Extracting current,total bar',
        'Pull complete',
      ]);
    }
  });

  test('what fails before the first line is thrown, in Docker’s words', async () => {
    const refusals: [reference: string, tag: string, message: string][] = [
      [name, 'nosuch', `manifest for ${name}:nosuch not found: manifest unknown`],
      ['UPPER', 'x', 'invalid reference format: repository name (library/UPPER) must be lowercase'],
      [name, 'x!', 'invalid tag format'],
    ];
    for (const [reference, tag, message] of refusals) await expect(pull(reference, { tag })).rejects.toThrow(message);
    registry.addManifest({ schemaVersion: 1 }, 'application/vnd.docker.distribution.manifest.v1+prettyjws', 'old');
    await expect(pull(name, { tag: 'old' })).rejects.toThrow('schema 1 support has been removed');
    expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });
  });

  test('an index: the platform that is asked for, or this machine’s', async () => {
    const entry = (architecture: string, variant?: string) => {
      const { digest, size, id } = addImage(undefined, [top], 'gzip', { architecture, variant });
      const platform = { os: 'linux', architecture, ...(variant === undefined ? {} : { variant }) };
      return { id, descriptor: { mediaType: mediaTypes.dockerManifest, digest, size, platform } };
    };
    const attestation = {
      ...entry('amd64').descriptor,
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    };
    const [host, v6, v7] = [
      entry(process.arch === 'x64' ? 'amd64' : process.arch),
      entry('arm', 'v6'),
      entry('arm', 'v7'),
    ];
    const manifests = [attestation, v6.descriptor, v7.descriptor, host.descriptor];
    const digest = registry.addManifest({ schemaVersion: 2, manifests }, mediaTypes.index, 'many');
    await pull(name, { tag: 'many' });
    expect(fixture.images.inspect(`${name}@${digest}`).Id).toBe(host.id);
    await pull(name, { tag: 'many', platform: 'linux/arm/v7' });
    expect(fixture.images.resolve(`${name}:many`).id).toBe(v7.id);
    await pull(name, { tag: 'many', platform: 'linux/arm/v6' });
    expect(fixture.images.resolve(`${name}:many`).id).toBe(v6.id);
    const refused = 'no matching manifest for linux/s390x in the manifest list entries';
    await expect(pull(name, { tag: 'many', platform: 'linux/s390x' })).rejects.toThrow(refused);
    addImage('plain', [top]);
    expect((await pull(name, { tag: 'plain', platform: 'linux/s390x' })).at(-1)).toBe(
      `WARNING: image with reference ${name}:plain was found but its platform (linux/amd64) does not match the specified platform (linux/s390x)`,
    );
  });

  test('an artifact is kept whole, and goes whole', async () => {
    const content = {
      mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
      digest: registry.addBlob('chart'),
      size: 5,
    };
    const config = { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: registry.addBlob('{}'), size: 2 };
    const digest = registry.addManifest({ schemaVersion: 2, config, layers: [content] }, mediaTypes.manifest, 'chart');
    await pull(name, { tag: 'chart' });
    expect(fixture.images.resolve(`${name}:chart`)).toMatchObject({ id: digest, artifactType: config.mediaType });
    await fixture.reopen();
    await fixture.images.reconcile();
    const { blobs } = await fixture.leftOnDisk();
    expect(blobs.sort()).toEqual([digest, config.digest, content.digest].map(encodedOf).sort());
    await fixture.images.remove(`${name}:chart`, { force: false, noPrune: false });
    expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });
  });

  test('a wrong layer is refused and not stored; the other one is not fetched again', async () => {
    const { blobs } = addImage('1', [base, top]);
    const [good = '', bad = ''] = blobs;
    script = ({ path }) => (path.endsWith(bad) ? { body: gzipSync('something else').subarray(0, 1) } : undefined);
    await expect(pull(name, { tag: '1' })).rejects.toThrow();
    script = ({ path }) => {
      if (!path.endsWith(bad)) return undefined;
      const content = gzipSync(top);
      return { body: Buffer.concat([content.subarray(0, -1), Buffer.from([content.at(-1) === 0 ? 1 : 0])]) };
    };
    await expect(pull(name, { tag: '1' })).rejects.toThrow('verification failed');
    expect(fixture.list()).toEqual([]);
    expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });
    expect(partials()).toEqual([encodedOf(good)]);
    script = undefined;
    asked = [];
    await pull(name, { tag: '1' });
    expect(asked.slice(1)).toEqual([shortId(bad)]);
    expect(partials()).toEqual([]);
  });

  test('two pulls at once share what comes; one that goes away does not end it for the other', async () => {
    const gate = Promise.withResolvers<void>();
    const { blobs } = addImage('1', [base]);
    addImage('2', [base], 'gzip', { author: 'another' });
    script = async ({ path }) => {
      if (path.endsWith(blobs[0] ?? '-')) await gate.promise;
      return undefined;
    };
    const gone = await fixture.images.pull({ reference: `${name}:1`, signal: new AbortController().signal });
    const iterator = gone[Symbol.asyncIterator]();
    while (!(await iterator.next()).value?.status?.startsWith('Pulling fs'));
    const other = await fixture.images.pull({ reference: `${name}:2`, signal: new AbortController().signal });
    const reading = other[Symbol.asyncIterator]();
    while (!(await reading.next()).value?.status?.startsWith('Pulling fs'));
    await iterator.return?.().catch(() => undefined);
    gate.resolve();
    let last: ProgressMessage | undefined;
    for (let next = await reading.next(); !next.done; next = await reading.next()) last = next.value;
    expect(last?.status).toBe(`Status: Downloaded newer image for ${name}:2`);
    expect(asked.filter((id) => id === shortId(blobs[0] ?? ''))).toHaveLength(1);
    expect(fixture.list()).toEqual([`${name}:2`]);
  });

  test('a layer that was half there goes on from where it was, also in another engine', async () => {
    const { blobs } = addImage('1', [tar({ path: 'random', content: randomBytes(300_000) })]);
    const [digest = ''] = blobs;
    const file = join(fixture.dataRoot, 'blobs/partial', encodedOf(digest));
    const sizeBytes = (): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    const content = contents.get(digest);
    if (content === undefined) throw new Error('the layer is not there');
    script = ({ path }) =>
      path.endsWith(digest) ? { body: content, breakAfterBytes: 100_000, hangs: true } : undefined;
    const messages = await fixture.images.pull({ reference: `${name}:1`, signal: new AbortController().signal });
    const reading = messages[Symbol.asyncIterator]();
    while (!(await reading.next()).value?.status?.startsWith('Downloading'));
    await until('all that comes to be on disk', () => sizeBytes() === 100_000);
    await reading.return?.().catch(() => undefined);
    await fixture.reopen();
    await fixture.images.reconcile();
    script = undefined;
    asked = [];
    expect((await pull(name, { tag: '1' })).at(-1)).toContain('Downloaded newer image');
    expect(asked.at(-1)).toBe(`${shortId(digest)} bytes=100000-`);
  });
});
