import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { ProgressMessage } from '#api';
import { isMountPoint } from '#linux/mount';
import { digestOf, encodedOf } from '#oci';
import { configFor, dockerArchive, type ImagesFixture, openFixture, type Part, streamOf, tar } from './fixture.ts';

let fixture: ImagesFixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture[Symbol.asyncDispose]());

const none = { force: false, noPrune: false };
const force = { force: true, noPrune: false };

async function importTar(
  repository?: string,
  parts: Part[] = [{ path: 'file', content: 'x' }],
  changes: string[] = [],
) {
  return fixture.images.import({
    body: streamOf(tar(...parts)),
    changes,
    ...(repository === undefined ? {} : { repository }),
  });
}

async function load(archive: Uint8Array, quiet = false): Promise<ProgressMessage[]> {
  return Array.fromAsync(fixture.images.load(streamOf(archive), { quiet }));
}

async function save(...references: string[]): Promise<Buffer> {
  return Buffer.from(await new Response(await fixture.images.save(references)).arrayBuffer());
}

function list(filters: Record<string, string[]> = {}): string[] {
  return fixture.images
    .list({ all: false, digests: false, filters: new Map(Object.entries(filters)) })
    .map(({ Id, RepoTags }) => RepoTags?.join(' ') || Id.slice(7, 19));
}

/** Files that belong to no image must not be left. */
async function leftOnDisk(): Promise<{ layers: string[]; blobs: string[]; others: string[] }> {
  await fixture.images.settled();
  const files = (...path: string[]): string[] => readdirSync(join(fixture.dataRoot, ...path));
  return {
    layers: files('snapshots/layers'),
    blobs: files('blobs/sha256'),
    others: [...files('snapshots/removed'), ...files('snapshots/unfinished'), ...files('blobs/unfinished')],
  };
}
const nothing = { layers: [], blobs: [], others: [] };

describe('import', () => {
  test('makes an image of one layer with the changes applied', async () => {
    const id = await importTar('my/app:1', undefined, [
      'CMD ["a", "b"]',
      'ENV A=b "C=d e"',
      'env OLD the rest of it',
      'EXPOSE 80 90/udp',
      'VOLUME /v',
      'LABEL x="y z"',
      'WORKDIR /w',
      'WORKDIR sub',
      'USER u:g',
      'HEALTHCHECK --interval=1m30s --retries=2 CMD true',
      'ONBUILD RUN x',
      'STOPSIGNAL SIGINT',
      'ENTRYPOINT e f',
    ]);
    const inspected = fixture.images.inspect('my/app:1');
    expect(inspected).toMatchObject({
      Id: id,
      RepoTags: ['my/app:1'],
      RepoDigests: [],
      Comment: 'Imported from -',
      Size: 1,
      Os: 'linux',
      Config: {
        Cmd: ['a', 'b'],
        Entrypoint: ['/bin/sh', '-c', 'e f'],
        Env: ['A=b', 'C=d e', 'OLD=the rest of it'],
        ExposedPorts: { '80/tcp': {}, '90/udp': {} },
        Volumes: { '/v': {} },
        Labels: { x: 'y z' },
        WorkingDir: '/w/sub',
        User: 'u:g',
        Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 90e9, Retries: 2 },
        OnBuild: ['RUN x'],
        StopSignal: 'SIGINT',
      },
      GraphDriver: { Name: 'overlay2' },
    });
    expect(inspected.RootFS.Layers).toEqual([digestOf(tar({ path: 'file', content: 'x' }))]);
    expect(fixture.events()).toEqual(['tag my/app:1', `import ${id}`]);
    expect(fixture.images.history(id)).toMatchObject([
      { Id: id, Tags: ['my/app:1'], Size: 1, Comment: 'Imported from -' },
    ]);
  });

  const plain = tar({ path: 'file', content: 'content'.repeat(10_000) });
  test.each([
    ['gzip', () => gzipSync(plain)],
    ['zstd', () => zstdCompressSync(plain)],
    ['bzip2', () => Bun.spawnSync(['bzip2', '-c'], { stdin: plain }).stdout],
    ['xz', () => Bun.spawnSync(['xz', '-c'], { stdin: plain }).stdout],
  ] as const)('takes %s, and tells a damaged one from a whole', async (_name, compress) => {
    const compressed = compress();
    const changes: string[] = [];
    const id = await fixture.images.import({ body: streamOf(compressed, 100), changes });
    expect(fixture.images.inspect(id).RootFS.Layers).toEqual([digestOf(plain)]);
    const body = streamOf(compressed.subarray(0, compressed.length - 20), 100);
    await expect(fixture.images.import({ body, changes })).rejects.toMatchObject({ kind: 'invalid-argument' });
    await fixture.images.remove(id, none);
    expect(await leftOnDisk()).toEqual(nothing);
  });

  test.each([
    [{ changes: ['FOO bar'] }, 'FOO is not a valid change command'],
    [{ repository: 'Bad', changes: [] }, 'must be lowercase'],
    [{ repository: 'x', tag: 'b@d', changes: [] }, 'invalid tag format'],
    [{ changes: ['EXPOSE 99999'] }, 'invalid containerPort: 99999'],
    [{ changes: [], platform: 'a/b/c/d' }, 'unknown operating system or architecture'],
  ])('%j is refused before the body is read', async (request, message) => {
    let isRead = false;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          isRead = true;
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    await expect(fixture.images.import({ body, ...request })).rejects.toThrow(message);
    expect(isRead).toBe(false);
  });

  test('a body that is no tar, is empty, or breaks off leaves nothing behind', async () => {
    const half = tar({ path: 'big', content: 'x'.repeat(100_000) }).subarray(0, 50_000);
    const broken = streamOf(half, 10_000, new Error('connection reset'));
    const bodies = [streamOf(Buffer.from('hi\n')), streamOf(Buffer.alloc(0)), broken];
    for (const body of bodies) await expect(fixture.images.import({ body, changes: [] })).rejects.toThrow();
    expect(await leftOnDisk()).toEqual(nothing);
    expect(list()).toEqual([]);
  });
});

describe('names', () => {
  test('an image answers to all that Docker calls it by', async () => {
    const id = await importTar('busybox');
    const hex = encodedOf(id);
    const names = ['busybox', 'busybox:latest', 'library/busybox', 'docker.io/library/busybox:latest', id, hex];
    for (const name of [...names, hex.slice(0, 12), hex.slice(0, 3), id.slice(0, 20)]) {
      expect(fixture.images.resolve(name).id).toBe(id);
    }
    for (const [name, message] of [
      ['nosuch', 'No such image: nosuch:latest'],
      ['busybox:2', 'No such image: busybox:2'],
      ['localhost/busybox', 'No such image: localhost/busybox:latest'],
      [`busybox@sha256:${'0'.repeat(64)}`, `No such image: busybox@sha256:${'0'.repeat(64)}`],
      [`sha256:${'0'.repeat(64)}`, `No such image: sha256:${'0'.repeat(64)}`],
    ] as const) {
      expect(() => fixture.images.resolve(name)).toThrow(message);
    }
    expect(() => fixture.images.resolve('A')).toThrow('invalid reference format');
  });

  test('a tag beats an id that begins the same, and moves to the newest image', async () => {
    const one = await importTar('x');
    const short = encodedOf(one).slice(0, 12);
    const two = await importTar(short, [{ path: 'other', content: 'y' }]);
    expect(fixture.images.resolve(short).id).toBe(two);
    fixture.images.tag(two, 'x', '');
    expect(fixture.images.resolve('x').id).toBe(two);
    expect(fixture.images.inspect(one).RepoTags).toEqual([]);
    expect(() => fixture.images.tag('nosuch', 'a', 'b')).toThrow('No such image: nosuch:latest');
    expect(() => fixture.images.tag(one, 'sha256', 'b')).toThrow('refusing to create an ambiguous tag');
  });
});

describe('list', () => {
  test('filters', async () => {
    await importTar('old/app:1', [{ path: 'a' }], ['LABEL a=1', 'LABEL b=2']);
    await importTar('new/app:2', [{ path: 'b' }], ['LABEL a=2']);
    const dangling = encodedOf(await importTar(undefined, [{ path: 'c' }])).slice(0, 12);
    expect(list().sort()).toEqual(['new/app:2', 'old/app:1', dangling].sort());
    expect(list({ dangling: ['true'] })).toEqual([dangling]);
    expect(list({ dangling: ['false'] }).sort()).toEqual(['new/app:2', 'old/app:1']);
    expect(list({ label: ['a'] }).sort()).toEqual(['new/app:2', 'old/app:1']);
    expect(list({ label: ['a=1', 'b'] })).toEqual(['old/app:1']);
    expect(list({ reference: ['*/app'] }).sort()).toEqual(['new/app:2', 'old/app:1']);
    expect(list({ reference: ['*:1', 'new/app:[0-9]'] })).toEqual(['new/app:2']);
    expect(list({ before: ['new/app:2'] })).toEqual(['old/app:1']);
    expect(list({ since: ['new/app:2'] })).toEqual([dangling]);
    expect(list({ until: ['1h'] })).toEqual([]);
    expect(() => list({ foo: ['bar'] })).toThrow("invalid filter 'foo'");
    expect(() => list({ dangling: ['x'] })).toThrow("invalid filter 'dangling=[x]'");
    expect(() => list({ before: ['nosuch'] })).toThrow('No such image: nosuch:latest');
  });
});

describe('load and save', () => {
  const base = tar({ path: './', type: 'directory', mode: 0o750, uid: 5 }, { path: 'etc/base', content: 'base' });
  const middle = tar({ path: 'etc/middle', content: 'middle' }, { path: 'etc/.wh.base' });
  const top = tar({ path: 'top', content: 'top' });

  test('a docker-archive: progress, layers on top of each other, the id is that of its configuration', async () => {
    const archive = dockerArchive([base, middle], ['app:1', 'other:2']);
    const id = digestOf(configFor([base, middle]));
    const messages = await load(archive);
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
    expect(fixture.events()).toEqual(['tag app:1', 'tag other:2', `load ${id}`]);
    expect(await load(archive, true)).toEqual(messages.filter(({ stream }) => stream));
    expect((await load(dockerArchive([base, middle], null), true)).at(-1)).toEqual({
      stream: `Loaded image ID: ${id}\n`,
    });
  });

  test('what is saved is the same each time, and loads to the same images', async () => {
    await load(dockerArchive([base, middle], ['one:1', 'one:2']));
    await load(dockerArchive([base, top], ['two:1'], { comment: 'ünïcode   spaced', unknown: { kept: [1.5] } }));
    const before = fixture.images.list({ all: true, digests: true, filters: new Map() });
    const archive = await save('one', 'two:1');
    expect(Buffer.compare(archive, await save('one', 'two:1'))).toBe(0);
    for (const name of ['one:1', 'one:2', 'two:1']) await fixture.images.remove(name, none);
    expect(await leftOnDisk()).toEqual(nothing);
    for (const packed of [archive, gzipSync(archive), zstdCompressSync(archive)]) await load(packed);
    expect(fixture.images.list({ all: true, digests: true, filters: new Map() })).toEqual(before);
    expect(Buffer.compare(archive, await save('one', 'two:1'))).toBe(0);
    // The same again by its OCI half alone.
    const listed = Bun.spawnSync(['tar', '--delete', '-f', '-', 'manifest.json', 'repositories'], { stdin: archive });
    expect(listed.exitCode).toBe(0);
    for (const name of ['one:1', 'one:2', 'two:1']) await fixture.images.remove(name, none);
    await load(listed.stdout);
    expect(fixture.images.list({ all: true, digests: true, filters: new Map() })).toEqual(before);
  });

  test('saving by id names no tags; what is missing is told before the first byte', async () => {
    const id = await importTar('x');
    const archive = await save(encodedOf(id).slice(0, 12));
    expect(archive.includes('"RepoTags":null')).toBe(true);
    await expect(fixture.images.save(['x', 'nosuch'])).rejects.toThrow('No such image: nosuch');
    const stream = await fixture.images.save(['x']);
    await stream.cancel();
    await fixture.images.remove('x', none);
    expect(await leftOnDisk()).toEqual(nothing);
  });

  test('layers that are shared are there once, and stay as long as one image needs them', async () => {
    await load(dockerArchive([base, middle], ['one:1']));
    await load(dockerArchive([base, top], ['two:1']));
    expect((await leftOnDisk()).layers).toHaveLength(3);
    const removed = await fixture.images.remove('one:1', none);
    expect(removed.map((item) => Object.keys(item)[0])).toEqual(['Untagged', 'Deleted', 'Deleted']);
    expect((await leftOnDisk()).layers).toHaveLength(2);
    await fixture.images.remove('two:1', none);
    expect(await leftOnDisk()).toEqual(nothing);
  });

  test.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'unexpected EOF'],
    ['no archive', Buffer.from('hi\n'), 'unexpected EOF'],
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
    await expect(load(archive)).rejects.toThrow(message);
    expect(await leftOnDisk()).toEqual(nothing);
    expect(list()).toEqual([]);
  });

  test('the old name of an image that is replaced is told of', async () => {
    const old = await importTar('app:1');
    const messages = await load(dockerArchive([top], ['app:1']), true);
    expect(messages[0]?.stream).toBe(
      `The image app:1 already exists, renaming the old one with ID ${old} to empty string\n`,
    );
  });
});

describe('remove and prune', () => {
  const use = (imageId: string, running: boolean): void => {
    fixture.users.push({ imageId, running, containerId: 'c'.repeat(64) });
  };

  test('by name: untags, and deletes with the last name', async () => {
    const id = await importTar('a:1');
    fixture.images.tag('a:1', 'b', '2');
    expect(await fixture.images.remove('a:1', none)).toEqual([{ Untagged: 'a:1' }]);
    const layer = fixture.images.resolve('b:2').chain[0] ?? '';
    expect(await fixture.images.remove('b:2', none)).toEqual([
      { Untagged: 'b:2' },
      { Deleted: id },
      { Deleted: layer },
    ]);
    expect(fixture.events().slice(-3)).toEqual([`untag ${id}`, `untag ${id}`, `delete ${id}`]);
    await expect(fixture.images.remove('b:2', none)).rejects.toThrow('No such image: b:2');
  });

  test('by id: all names of one repository, but several only by force', async () => {
    const id = await importTar('a:1');
    fixture.images.tag('a:1', 'b', '2');
    const short = encodedOf(id).slice(0, 12);
    await expect(fixture.images.remove(short, none)).rejects.toThrow(
      `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
    );
    const items = await fixture.images.remove(short, force);
    expect(items.slice(0, 3)).toEqual([{ Untagged: 'a:1' }, { Untagged: 'b:2' }, { Deleted: id }]);
  });

  test('what containers use', async () => {
    const id = await importTar('a:1');
    const short = encodedOf(id).slice(0, 12);
    use(id, false);
    await expect(fixture.images.remove('a:1', none)).rejects.toThrow(
      `conflict: unable to remove repository reference "a:1" (must force) - container cccccccccccc is using its referenced image ${short}`,
    );
    await expect(fixture.images.remove(short, none)).rejects.toThrow(
      `conflict: unable to delete ${short} (must be forced) - image is being used by stopped container cccccccccccc`,
    );
    fixture.users.length = 0;
    use(id, true);
    await expect(fixture.images.remove(short, force)).rejects.toThrow(
      `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container cccccccccccc`,
    );
    expect(await fixture.images.remove('a:1', force)).toEqual([{ Untagged: 'a:1' }]);
    expect(list()).toEqual([short]);
  });

  test('layers of an image removed by force stay for the containers that stand on them', async () => {
    const id = await importTar('a:1', [{ path: 'file', content: 'still' }]);
    const { rootfs } = fixture.images;
    rootfs.create('one', fixture.images.resolve(id));
    use(id, false);
    await fixture.images.remove(id, force);
    expect(list()).toEqual([]);
    expect(readFileSync(join(rootfs.mount('one'), 'file'), 'utf8')).toBe('still');
    await fixture.images.settled();
    await rootfs.remove('one');
    expect(await leftOnDisk()).toEqual(nothing);
  });

  test('prune takes what has no name, or all that is not used', async () => {
    const dangling = await importTar(undefined, [{ path: 'd', content: '1234' }]);
    const used = await importTar('used', [{ path: 'u' }]);
    await importTar('unused', [{ path: 'n', content: '1' }], ['LABEL keep=1']);
    use(used, false);
    const report = await fixture.images.prune(new Map());
    expect([report.ImagesDeleted?.[0], report.SpaceReclaimed]).toEqual([{ Deleted: dangling }, 4]);
    expect(fixture.events().at(-1)).toBe('prune');
    await fixture.images.prune(
      new Map([
        ['dangling', ['false']],
        ['label!', ['keep']],
      ]),
    );
    expect(list().sort()).toEqual(['unused:latest', 'used:latest']);
    expect((await fixture.images.prune(new Map([['dangling', ['false']]]))).ImagesDeleted?.[0]).toEqual({
      Untagged: 'unused:latest',
    });
    expect(await fixture.images.prune(new Map())).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
    await expect(fixture.images.prune(new Map([['x', ['y']]]))).rejects.toThrow("invalid filter 'x'");
  });
});

describe('a container’s file system', () => {
  test('layers below, its own above, the root like that of the image', async () => {
    const base = tar(
      { path: './', type: 'directory', mode: 0o750, uid: 5, gid: 6 },
      { path: 'etc/base', content: 'base' },
    );
    const middle = tar({ path: 'etc/middle', content: 'middle' }, { path: 'etc/.wh.base' });
    await load(dockerArchive([base, middle], ['app:latest']));
    const { rootfs } = fixture.images;
    rootfs.create('one', fixture.images.resolve('app'));
    const root = rootfs.mount('one');
    expect(rootfs.mount('one')).toBe(root);
    expect(readdirSync(join(root, 'etc'))).toEqual(['middle']);
    const { mode, uid, gid } = statSync(root);
    expect([mode & 0o7777, uid, gid]).toEqual([0o750, 5, 6]);
    writeFileSync(join(root, 'mine'), 'x'.repeat(1000));
    expect(await rootfs.sizeRw('one')).toBe(1000);
    const { Data } = rootfs.describe('one');
    expect(Object.keys(Data)).toEqual(['ID', 'LowerDir', 'MergedDir', 'UpperDir', 'WorkDir']);
    expect(readFileSync(join(Data.UpperDir ?? '', 'mine'), 'utf8')).toHaveLength(1000);
    rootfs.unmount('one');
    rootfs.unmount('one');
    expect(isMountPoint(root)).toBe(false);
    await fixture.reopen();
    expect(readFileSync(join(fixture.images.rootfs.mount('one'), 'mine'), 'utf8')).toHaveLength(1000);
    expect(fixture.images.rootfs.list()).toEqual(['one']);
    await fixture.images.rootfs.remove('one');
    expect(fixture.images.rootfs.list()).toEqual([]);
    expect(existsSync(root)).toBe(false);
    await fixture.images.rootfs.remove('one');
  });

  test('a volatile one can be mounted again', async () => {
    await importTar('app');
    const { rootfs } = fixture.images;
    rootfs.create('one', fixture.images.resolve('app'));
    for (let round = 0; round < 2; round += 1) {
      expect(lstatSync(join(rootfs.mount('one', { volatile: true }), 'file')).size).toBe(1);
      rootfs.unmount('one');
      await fixture.images.settled();
    }
  });

  test('an image without layers', async () => {
    await load(dockerArchive([], ['scratch:latest']));
    const { rootfs } = fixture.images;
    rootfs.create('one', fixture.images.resolve('scratch'));
    expect(readdirSync(rootfs.mount('one'))).toEqual([]);
    await rootfs.remove('one');
  });
});
