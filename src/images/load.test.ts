import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestOf, encodedOf } from '#oci';
import { configFor, dockerArchive, type ImagesFixture, openFixture, tar } from './fixture.ts';

let fixture: ImagesFixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture[Symbol.asyncDispose]());

const none = { force: false, noPrune: false };
const nothing = { layers: [], blobs: [], others: [] };

describe('load and save', () => {
  const base = tar({ path: './', type: 'directory', mode: 0o750, uid: 5 }, { path: 'etc/base', content: 'base' });
  const middle = tar({ path: 'etc/middle', content: 'middle' }, { path: 'etc/.wh.base' });
  const top = tar({ path: 'top', content: 'top' });

  test('a docker-archive: progress, layers on top of each other, the id is that of its configuration', async () => {
    const archive = dockerArchive([base, middle], ['app:1', 'other:2']);
    const id = digestOf(configFor([base, middle]));
    const messages = await fixture.load(archive);
    expect(messages.filter(({ stream }) => stream)).toEqual([
      { stream: 'Loaded image: app:1\n' },
      { stream: 'Loaded image: other:2\n' },
    ]);
    expect(messages.filter(({ status }) => status === 'Loading layer').at(-1)).toEqual({
      status: 'Loading layer',
      progressDetail: { current: middle.length, total: middle.length },
      id: encodedOf(digestOf(middle)).slice(0, 12),
    });
    expect(fixture.images.resolve('app:1').id).toBe(id);
    expect(fixture.images.history(id).map(({ Id, CreatedBy, Size }) => [Id, CreatedBy, Size])).toEqual([
      [id, 'step 1', 6],
      ['<missing>', 'step 0', 4],
    ]);
    expect(fixture.events()).toEqual([`load ${id}`]);
    expect(await fixture.load(archive, true)).toEqual(messages.filter(({ stream }) => stream));
    expect((await fixture.load(dockerArchive([base, middle], null), true)).at(-1)).toEqual({
      stream: `Loaded image ID: ${id}\n`,
    });
  });

  test('what is saved is the same each time, and loads to the same images', async () => {
    await fixture.load(dockerArchive([base, middle], ['one:1', 'one:2']));
    await fixture.load(
      dockerArchive([base, top], ['two:1'], { comment: 'ünïcode   spaced', unknown: { kept: [1.5] } }),
    );
    const before = fixture.images.list({ all: true, digests: true, filters: new Map() });
    const archive = await fixture.save('one', 'two:1');
    expect(Buffer.compare(archive, await fixture.save('one', 'two:1'))).toBe(0);
    for (const name of ['one:1', 'one:2', 'two:1']) await fixture.images.remove(name, none);
    expect(await fixture.leftOnDisk()).toEqual(nothing);
    for (const packed of [archive, gzipSync(archive), zstdCompressSync(archive)]) await fixture.load(packed);
    expect(fixture.images.list({ all: true, digests: true, filters: new Map() })).toEqual(before);
    expect(Buffer.compare(archive, await fixture.save('one', 'two:1'))).toBe(0);
    // The same again by its OCI half alone.
    const listed = Bun.spawnSync(['tar', '--delete', '-f', '-', 'manifest.json', 'repositories'], { stdin: archive });
    expect(listed.exitCode).toBe(0);
    for (const name of ['one:1', 'one:2', 'two:1']) await fixture.images.remove(name, none);
    await fixture.load(listed.stdout);
    expect(fixture.images.list({ all: true, digests: true, filters: new Map() })).toEqual(before);
  });

  test('an OCI layout with images for several platforms: the one that runs here', async () => {
    const contents = new Map<string, Buffer>();
    const put = (content: Buffer, mediaType: string, extra: object = {}) => {
      contents.set(digestOf(content), content);
      return { mediaType, digest: digestOf(content), size: content.length, ...extra };
    };
    const type = (name: string): string => `application/vnd.oci.image.${name}`;
    const manifest = (architecture: string, layer: Buffer) => {
      const config = put(configFor([layer], { architecture }), type('config.v1+json'));
      const layers = [put(gzipSync(layer), type('layer.v1.tar+gzip'))];
      const content = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers }));
      return put(content, type('manifest.v1+json'), { platform: { os: 'linux', architecture } });
    };
    const manifests = [manifest('riscv64', top), manifest('amd64', base), manifest('arm64', middle)];
    const nested = put(Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })), type('index.v1+json'), {
      annotations: { 'org.opencontainers.image.ref.name': 'many/platforms:1' },
    });
    const archive = tar(
      { path: './oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
      { path: './index.json', content: JSON.stringify({ schemaVersion: 2, manifests: [nested] }) },
      ...[...contents].map(([digest, content]) => ({ path: `./blobs/sha256/${encodedOf(digest)}`, content })),
    );
    expect(await fixture.load(archive, true)).toEqual([{ stream: 'Loaded image: many/platforms:1\n' }]);
    const { Architecture, RootFS } = fixture.images.inspect('many/platforms:1');
    const here = process.arch === 'arm64' ? ['arm64', middle] : ['amd64', base];
    expect([Architecture, RootFS.Layers]).toEqual([here[0] as string, [digestOf(here[1] as Buffer)]]);
    // The layer is kept as it came, so that it can be pushed as it was.
    expect((await fixture.leftOnDisk()).blobs).toContain(encodedOf(digestOf(gzipSync(here[1] as Buffer))));
  });

  test('saving by id names no tags; what is missing is told before the first byte', async () => {
    const id = await fixture.importTar('x');
    const archive = await fixture.save(encodedOf(id).slice(0, 12));
    expect(archive.includes('"RepoTags":null')).toBe(true);
    await expect(fixture.images.save(['x', 'nosuch'])).rejects.toThrow('No such image: nosuch');
    const stream = await fixture.images.save(['x']);
    await stream.cancel();
    await fixture.images.remove('x', none);
    expect(await fixture.leftOnDisk()).toEqual(nothing);
  });

  test('layers that are shared are there once, and stay as long as one image needs them', async () => {
    await fixture.load(dockerArchive([base, middle], ['one:1']));
    await fixture.load(dockerArchive([base, top], ['two:1']));
    expect((await fixture.leftOnDisk()).layers).toHaveLength(3);
    const removed = await fixture.images.remove('one:1', none);
    expect(removed.map((item) => Object.keys(item)[0])).toEqual(['Untagged', 'Deleted', 'Deleted']);
    expect((await fixture.leftOnDisk()).layers).toHaveLength(2);
    await fixture.images.remove('two:1', none);
    expect(await fixture.leftOnDisk()).toEqual(nothing);
  });

  test.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'unexpected EOF'],
    ['no archive', Buffer.from('hi\n'), 'unexpected EOF'],
    ['a damaged gzip', gzipSync(dockerArchive([base, middle], ['x:1'])).subarray(0, 300), 'unexpected EOF'],
    ['no manifest', tar({ path: 'x' }), 'neither manifest.json nor index.json'],
    [
      'a layer that is not the one meant',
      dockerArchive([base], ['x:1'], { rootfs: { type: 'layers', diff_ids: [digestOf('other')] } }),
      'invalid diffID',
    ],
    [
      'too few layers',
      dockerArchive([base], ['x:1'], { rootfs: { type: 'layers', diff_ids: [] } }),
      'layers length mismatch',
    ],
    ['a bad tag', dockerArchive([base], ['X:1']), 'must be lowercase'],
    [
      'a configuration outside',
      tar({ path: 'manifest.json', content: '[{"Config":"../../etc/passwd","Layers":[]}]' }),
      'is missing',
    ],
    [
      'a link outside',
      tar(
        { path: 'c', type: 'symlink', linkPath: '/etc/passwd' },
        { path: 'manifest.json', content: '[{"Config":"c","Layers":[]}]' },
      ),
      'is missing',
    ],
    [
      'a link to itself',
      tar(
        { path: 'c', type: 'symlink', linkPath: 'c' },
        { path: 'manifest.json', content: '[{"Config":"c","Layers":[]}]' },
      ),
      'is missing',
    ],
  ])('%s is refused and leaves nothing behind', async (_name, archive, message) => {
    const loading = fixture.load(archive);
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toMatchObject({ kind: 'invalid-argument' });
    expect(await fixture.leftOnDisk()).toEqual(nothing);
    expect(fixture.list()).toEqual([]);
  });

  test('the old name of an image that is replaced is told of', async () => {
    const old = await fixture.importTar('app:1');
    const messages = await fixture.load(dockerArchive([top], ['app:1']), true);
    expect(messages[0]?.stream).toBe(
      `The image app:1 already exists, renaming the old one with ID ${old} to empty string\n`,
    );
  });
});
