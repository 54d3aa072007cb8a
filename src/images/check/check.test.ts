import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageCheckReport, ProgressMessage } from '#api';
import { digestOf, encodedOf } from '#oci';
import { dockerArchive, type ImagesFixture, openFixture, tar } from '../fixture.ts';

const base = tar({ path: 'etc/', type: 'directory', mode: 0o755 }, { path: 'etc/conf', content: 'one' });
const top = tar({ path: 'etc/other', content: 'two' });

let fixture: ImagesFixture;
beforeAll(async () => {
  fixture = await openFixture();
  await fixture.load(dockerArchive([base, top], ['app:1']));
  await fixture.load(dockerArchive([base], ['app:base']));
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

async function check(names: string[], repair = false): Promise<ImageCheckReport[]> {
  const request = { repair, credentials: {}, signal: new AbortController().signal };
  const messages: ProgressMessage[] = await Array.fromAsync(fixture.images.check(names, request));
  return messages.flatMap(({ aux }) => (aux === undefined ? [] : (aux as ImageCheckReport)));
}

function layerPath(name: string): string {
  const { Data } = fixture.images.inspect(name).GraphDriver;
  return Data?.UpperDir ?? '';
}

const said = ({ Problems }: ImageCheckReport): string[] =>
  Problems.map(({ Subject, Path = '', Message }) => `${Subject} ${Path} ${Message}`);

test('what is whole, and what is damaged: named, in every image that has it', async () => {
  expect((await check([])).map(({ Names, ProblemsTotal }) => [Names[0], ProblemsTotal])).toEqual([
    ['app:1', 0],
    ['app:base', 0],
  ]);
  writeFileSync(join(layerPath('app:base'), 'etc/conf'), 'ONE');
  writeFileSync(join(layerPath('app:base'), 'extra'), '');
  const reports = await check([]);
  for (const report of reports) {
    expect(said(report)).toEqual(['layer /etc/conf changed: contents', 'layer /extra extra']);
    expect(report.NotHealed).toEqual([]);
  }
  expect(() => check(['none'])).toThrow('No such image: none:latest');
});

test('a layer is healed from its blob, but not below a container that runs', async () => {
  const image = fixture.images.resolve('app:1');
  fixture.images.rootfs.create('box', image);
  const merged = fixture.images.rootfs.mount('box');
  const [refused] = await check(['app:1'], true);
  expect(refused?.ProblemsTotal).toBe(2);
  expect(refused?.NotHealed[0]).toContain('mounted by box');
  expect(readFileSync(join(merged, 'etc/conf'), 'utf8')).toBe('ONE');
  fixture.images.rootfs.unmount('box');
  const [healed] = await check(['app:1'], true);
  expect(healed).toMatchObject({ ProblemsTotal: 0, NotHealed: [], Healed: [expect.stringContaining('unpacked anew')] });
  expect(readFileSync(join(fixture.images.rootfs.mount('box'), 'etc/conf'), 'utf8')).toBe('one');
  fixture.images.rootfs.unmount('box');
  await fixture.images.rootfs.remove('box');
  chmodSync(join(layerPath('app:1'), 'etc/other'), 0o777);
  rmSync(layerPath('app:base'), { recursive: true });
  expect((await check(['app:1'])).flatMap(said)).toEqual([
    'layer  the unpacked layer is missing',
    'layer /etc/other changed: mode',
  ]);
  expect((await check([], true)).flatMap(said)).toEqual([]);
  expect((await fixture.leftOnDisk()).others).toEqual([]);
});

test('a damaged blob that no registry has stays damaged, and loading the image again heals it', async () => {
  const blobs = join(fixture.dataRoot, 'blobs/sha256');
  const id = fixture.images.inspect('app:base').Id;
  const other = encodedOf(fixture.images.inspect('app:1').Id);
  const layerBlob = readdirSync(blobs).find((name) => {
    const content = readFileSync(join(blobs, name));
    return name !== encodedOf(id) && name !== other && Bun.zstdDecompressSync(content).equals(base);
  });
  rmSync(join(blobs, layerBlob ?? 'none'));
  writeFileSync(join(blobs, encodedOf(id)), '{}');
  const [report] = await check(['app:base'], true);
  expect(report && said(report)).toEqual([
    `config  the configuration has the digest ${digestOf('{}')}`,
    'blob  the blob is missing',
    'layer  the unpacked layer cannot be compared without its blob',
  ]);
  expect(report?.NotHealed).toHaveLength(2);
  expect(report?.NotHealed[1]).toContain('no registry is known to have it');
  // An engine that starts keeps what containers can still be started from.
  await fixture.reopen();
  await fixture.images.reconcile();
  expect(fixture.list()).toEqual(expect.arrayContaining(['app:base', 'app:1']));
  await fixture.load(dockerArchive([base], ['app:base']));
  expect((await check([])).flatMap(said)).toEqual([]);
});

test('a disk that is full: what was there stays, the reason is told, and nothing is left behind', async () => {
  await using small = await openFixture(24 * 1024 * 1024);
  const content = randomBytes(1024 * 1024);
  await small.load(dockerArchive([tar({ path: 'big', content })], ['big:1']));
  const tree = small.images.inspect('big:1').GraphDriver.Data?.UpperDir ?? '';
  chmodSync(join(tree, 'big'), 0o777);
  const filler = join(small.dataRoot, 'filler');
  writeFileSync(filler, '');
  expect(() => {
    for (;;) appendFileSync(filler, content.subarray(0, 64 * 1024));
  }).toThrow('ENOSPC');
  const request = { repair: true, credentials: {}, signal: new AbortController().signal };
  const repair = async () =>
    (await Array.fromAsync(small.images.check(['big:1'], request))).at(-1)?.aux as ImageCheckReport;
  const refused = await repair();
  expect(refused).toMatchObject({
    ProblemsTotal: 1,
    Healed: [],
    NotHealed: [expect.stringContaining('no space left')],
  });
  expect(readFileSync(join(tree, 'big')).equals(content)).toBe(true);
  expect((await small.leftOnDisk()).others).toEqual([]);
  rmSync(filler);
  expect(await repair()).toMatchObject({ ProblemsTotal: 0, NotHealed: [] });
});
