import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, encodedOf } from '#oci';
import { openCatalogue } from './catalogue.ts';
import { type ImagesFixture, openFixture } from './fixture.ts';

let fixture: ImagesFixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture[Symbol.asyncDispose]());

const none = { force: false, noPrune: false };
const force = { force: true, noPrune: false };
const nothing = { layers: [], blobs: [], others: [] };

describe('remove and prune', () => {
  const use = (imageId: string, running: boolean): void => {
    fixture.users.push({ imageId, running, containerId: 'c'.repeat(64) });
  };

  test('by name: untags, and deletes with the last name', async () => {
    const id = await fixture.importTar('a:1');
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
    const id = await fixture.importTar('a:1');
    fixture.images.tag('a:1', 'b', '2');
    const short = encodedOf(id).slice(0, 12);
    await expect(fixture.images.remove(short, none)).rejects.toThrow(
      `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
    );
    const items = await fixture.images.remove(short, force);
    expect(items.slice(0, 3)).toEqual([{ Untagged: 'a:1' }, { Untagged: 'b:2' }, { Deleted: id }]);
  });

  test('what containers use', async () => {
    const id = await fixture.importTar('a:1');
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
    expect(fixture.list()).toEqual([short]);
  });

  test('layers of an image removed by force stay for the containers that stand on them', async () => {
    const id = await fixture.importTar('a:1', [{ path: 'file', content: 'still' }]);
    const { rootfs } = fixture.images;
    rootfs.create('one', fixture.images.resolve(id));
    use(id, false);
    await fixture.images.remove(id, force);
    expect(fixture.list()).toEqual([]);
    expect(readFileSync(join(rootfs.mount('one'), 'file'), 'utf8')).toBe('still');
    await fixture.images.settled();
    await rootfs.remove('one');
    expect(await fixture.leftOnDisk()).toEqual(nothing);
  });

  test('prune takes what has no name, or all that is not used', async () => {
    const dangling = await fixture.importTar(undefined, [{ path: 'd', content: '1234' }]);
    const used = await fixture.importTar('used', [{ path: 'u' }]);
    await fixture.importTar('unused', [{ path: 'n', content: '1' }], ['LABEL keep=1']);
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
    expect(fixture.list().sort()).toEqual(['unused:latest', 'used:latest']);
    expect((await fixture.images.prune(new Map([['dangling', ['false']]]))).ImagesDeleted?.[0]).toEqual({
      Untagged: 'unused:latest',
    });
    expect(await fixture.images.prune(new Map())).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
    await expect(fixture.images.prune(new Map([['x', ['y']]]))).rejects.toThrow("invalid filter 'x'");
  });

  test('an image that has digests alone is dangling: listed so, and pruned so', async () => {
    const id = await fixture.importTar('a:1');
    const { references } = openCatalogue(fixture.records);
    const digest = `docker.io/library/a@${digestOf('m')}`;
    references.put({ id: digest, imageId: id });
    references.put({ id: `registry.test/b@${digestOf('m')}`, imageId: id });
    expect(fixture.list({ dangling: ['true'] })).toEqual([]);
    expect((await fixture.images.prune(new Map())).ImagesDeleted).toBeNull();
    references.delete('docker.io/library/a:1');
    expect(fixture.list({ dangling: ['true'] })).toHaveLength(1);
    expect(fixture.list({ dangling: ['false'] })).toHaveLength(1);
    const { ImagesDeleted } = await fixture.images.prune(new Map());
    expect(ImagesDeleted?.slice(0, 3)).toEqual([
      { Untagged: `a@${digestOf('m')}` },
      { Untagged: `registry.test/b@${digestOf('m')}` },
      { Deleted: id },
    ]);
    expect(await fixture.leftOnDisk()).toEqual(nothing);
  });
});
