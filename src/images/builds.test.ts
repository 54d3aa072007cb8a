import { afterEach, beforeEach, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Digester, parseImageConfig, parseReference, withDefaultTag } from '#oci';
import { packLayer } from '#store';
import type { BuildLayer, BuildLayers, MeasuredDraft } from './build-layers.ts';
import { configFor, dockerArchive, type ImagesFixture, openFixture, tar } from './fixture.ts';

let fixture: ImagesFixture;
let builds: BuildLayers;
beforeEach(async () => {
  fixture = await openFixture();
  ({ builds } = fixture.images);
});
afterEach(() => fixture[Symbol.asyncDispose]());

function measured(draft: MeasuredDraft['draft']): MeasuredDraft {
  const digester = new Digester();
  for (const chunk of packLayer(draft.directory)) digester.update(chunk);
  const { sizeBytes: tarSizeBytes } = digester;
  return { draft, diffId: digester.finish(), tarSizeBytes, sizeBytes: 5 };
}

/** A step of a build: what `change` does to the file system becomes a layer. */
async function step(chain: readonly string[], change: (root: string) => void): Promise<BuildLayer> {
  const draft = builds.draft(chain);
  const mounted = builds.mount(chain, draft);
  change(mounted.directory);
  await mounted.unmount();
  return builds.adopt(measured(draft), chain);
}

async function image(layers: readonly BuildLayer[], name: string): Promise<string> {
  const content = Buffer.from(
    JSON.stringify({
      ...JSON.parse(configFor([]).toString()),
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const chain = layers.map(({ chainId }) => chainId);
  const references = [withDefaultTag(parseReference(name))];
  return builds.commit({ content, file: parseImageConfig(content), chain, references });
}

const ids = (layers: readonly BuildLayer[]): string[] => layers.map(({ chainId }) => chainId);

test('steps above each other become layers and an image, which is saved, loaded elsewhere and run as any other', async () => {
  const first = await step([], (root) => {
    mkdirSync(join(root, 'etc/old'), { recursive: true });
    for (const name of ['etc/old/file', 'etc/gone', 'etc/kept']) writeFileSync(join(root, name), name);
    chmodSync(join(root, 'etc/kept'), 0o4711);
  });
  const second = await step(ids([first]), (root) => {
    rmSync(join(root, 'etc/gone'));
    rmSync(join(root, 'etc/old'), { recursive: true });
    mkdirSync(join(root, 'etc/old'));
    writeFileSync(join(root, 'etc/old/new'), 'new');
    // What a step does to the root itself is in no tar, and so in no layer.
    chmodSync(root, 0o700);
  });
  const chain = ids([first, second]);
  const look = builds.mount(chain);
  expect(
    execFileSync('find', ['.', '-printf', '%P %m\n'], { cwd: look.directory, encoding: 'utf8' }).split('\n').sort(),
  ).toEqual(['', ' 755', 'etc 755', 'etc/kept 4711', 'etc/old 755', 'etc/old/new 644']);
  expect(() => writeFileSync(join(look.directory, 'x'), '')).toThrow('EROFS');
  await look.unmount();
  expect(existsSync(look.directory)).toBe(false);

  const id = await image([first, second], 'built');
  builds.release(chain);
  expect(fixture.events()).toEqual(['tag built:latest', `create ${id}`]);
  expect((await fixture.leftOnDisk()).blobs).toEqual([id.slice(7)]);
  const saved = await fixture.save('built');
  expect(await fixture.save('built')).toEqual(saved);
  expect((await fixture.leftOnDisk()).blobs).toHaveLength(1);

  await using other = await openFixture();
  await other.load(saved);
  other.images.rootfs.create('c', other.images.resolve('built'));
  const root = other.images.rootfs.mount('c');
  expect(execFileSync('ls', ['etc', 'etc/old'], { cwd: root, encoding: 'utf8' })).toBe(
    'etc:\nkept\nold\n\netc/old:\nnew\n',
  );
  expect(statSync(root).mode & 0o777).toBe(0o755);
  expect(await other.save('built')).toEqual(saved);

  // Loaded where it was built, all of it is there already.
  await fixture.load(saved);
  expect(await fixture.save('built')).toEqual(saved);
  await fixture.images.remove('built', { force: false, noPrune: false });
  expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });
});

test('layers stay while somebody holds or keeps them, and through a restart', async () => {
  const kept = new Set<string>();
  builds.keepFor((chainId) => kept.has(chainId));
  const base = await step([], (root) => writeFileSync(join(root, 'base'), 'base'));
  const top = await step(ids([base]), (root) => writeFileSync(join(root, 'top'), 'top'));
  const loose = await step(ids([base]), (root) => writeFileSync(join(root, 'loose'), 'loose'));
  const again = await step(ids([base]), (root) => writeFileSync(join(root, 'again'), 'again'));
  expect(builds.hold([again.chainId, `sha256:${'0'.repeat(64)}`])).toBeUndefined();
  for (const chainId of ids([base, top])) kept.add(chainId);
  builds.release(ids([base, top, loose, again]));
  expect((await fixture.leftOnDisk()).layers.map((name) => `sha256:${name}`).sort()).toEqual(ids([base, top]).sort());
  await builds.sync();
  expect(builds.hold(ids([base, top]))).toEqual([base, top]);
  expect(builds.hold(ids([loose]))).toBeUndefined();

  await fixture.reopen();
  ({ builds } = fixture.images);
  builds.keepFor((chainId) => kept.has(chainId));
  await fixture.images.reconcile();
  expect(builds.hold(ids([base, top]))).toEqual([base, top]);
  expect(readFileSync(join(top.directory, 'top'), 'utf8')).toBe('top');
  kept.clear();
  builds.release(ids([base, top]));
  expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });
});

test('what a killed engine had mounted, drafted and not recorded is gone after the next start', async () => {
  const base = await step([], (root) => writeFileSync(join(root, 'base'), 'base'));
  const draft = builds.draft(ids([base]));
  const mounted = builds.mount(ids([base]), draft);
  writeFileSync(join(mounted.directory, 'x'), 'x');
  await fixture.reopen();
  await fixture.images.reconcile();
  expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });
  expect(existsSync(mounted.directory)).toBe(false);
});

test('the same content is one layer, whether a step made it or an image brought it', async () => {
  const layer = tar({ path: 'file', content: 'same', mode: 0o644, modifiedSeconds: 100 });
  await fixture.load(dockerArchive([layer], ['loaded:1']));
  const [chainId = ''] = fixture.images.resolve('loaded:1').chain;
  const make = (): Promise<BuildLayer> =>
    step([], (root) => {
      writeFileSync(join(root, 'file'), 'same');
      execFileSync('touch', ['-d', '@100', join(root, 'file')]);
    });
  const made = await make();
  expect(made.chainId).toBe(chainId);
  await fixture.images.remove('loaded:1', { force: false, noPrune: false });
  expect((await fixture.leftOnDisk()).layers).toHaveLength(1);
  builds.release([chainId]);
  expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });

  // The other way round: first it has no blob, and needs none.
  await make();
  const built = await image([made], 'made:1');
  await fixture.load(dockerArchive([layer], ['loaded:2']));
  expect((await fixture.leftOnDisk()).layers).toHaveLength(1);
  builds.release([chainId]);
  await fixture.images.remove('made:1', { force: false, noPrune: false });
  expect((await fixture.save('loaded:2')).length).toBeGreaterThan(0);
  expect(built).toStartWith('sha256:');
  await fixture.images.remove('loaded:2', { force: false, noPrune: false });
  expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });
});

test('125 layers are mounted for reading and for writing, and no more are made', async () => {
  const layers: BuildLayer[] = [];
  for (let index = 0; index < 125; index += 1) {
    const draft = builds.draft(ids(layers));
    writeFileSync(join(draft.directory, `${index}`), '');
    layers.push(builds.adopt(measured(draft), ids(layers)));
  }
  const draft = builds.draft(ids(layers));
  const mounted = builds.mount(ids(layers), draft);
  expect(lstatSync(join(mounted.directory, '0')).isFile()).toBe(true);
  expect(lstatSync(join(mounted.directory, '124')).isFile()).toBe(true);
  rmSync(join(mounted.directory, '0'));
  await mounted.unmount();
  expect(() => builds.adopt(measured(draft), ids(layers))).toThrow('max depth exceeded');
  draft.discard();
  builds.release(ids(layers));
  expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });
});

test('a layer without a blob is checked by what its files give', async () => {
  const layer = await step([], (root) => writeFileSync(join(root, 'file'), 'content'));
  await image([layer], 'built');
  const check = async (repair: boolean) => {
    const { signal } = new AbortController();
    const told = await Array.fromAsync(fixture.images.check([], { repair, credentials: {}, signal }));
    return told.flatMap(({ aux }) =>
      aux === undefined ? [] : [aux as { Problems: { Message: string }[]; NotHealed: string[] }],
    );
  };
  expect((await check(false))[0]?.Problems).toEqual([]);
  writeFileSync(join(layer.directory, 'file'), 'changed');
  expect((await check(false))[0]?.Problems[0]?.Message).toStartWith('the unpacked layer gives the tar sha256:');
  expect((await check(true))[0]?.NotHealed[0]).toContain('it was made here, and no registry is known to have it');
  await expect(fixture.save('built')).rejects.toThrow('is damaged on disk');
});
