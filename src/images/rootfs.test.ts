import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMountPoint } from '#linux/mount';
import { dockerArchive, type ImagesFixture, openFixture, tar } from './fixture.ts';

let fixture: ImagesFixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture[Symbol.asyncDispose]());

describe('a container’s file system', () => {
  test('layers below, its own above, the root like that of the image', async () => {
    const base = tar(
      { path: './', type: 'directory', mode: 0o750, uid: 5, gid: 6 },
      { path: 'etc/base', content: 'base' },
    );
    const middle = tar({ path: 'etc/middle', content: 'middle' }, { path: 'etc/.wh.base' });
    await fixture.load(dockerArchive([base, middle], ['app:latest']));
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
    await fixture.importTar('app');
    const { rootfs } = fixture.images;
    rootfs.create('one', fixture.images.resolve('app'));
    for (let round = 0; round < 2; round += 1) {
      expect(lstatSync(join(rootfs.mount('one', { volatile: true }), 'file')).size).toBe(1);
      rootfs.unmount('one');
      await fixture.images.settled();
    }
  });

  test('an image without layers', async () => {
    await fixture.load(dockerArchive([], ['scratch:latest']));
    const { rootfs } = fixture.images;
    rootfs.create('one', fixture.images.resolve('scratch'));
    expect(readdirSync(rootfs.mount('one'))).toEqual([]);
    await rootfs.remove('one');
  });
});
