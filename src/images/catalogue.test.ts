import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { encodedOf } from '#oci';
import { type ImagesFixture, openFixture } from './fixture.ts';

let fixture: ImagesFixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture[Symbol.asyncDispose]());

describe('names', () => {
  test('an image answers to all that Docker calls it by', async () => {
    const id = await fixture.importTar('busybox');
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
    const one = await fixture.importTar('x');
    const short = encodedOf(one).slice(0, 12);
    const two = await fixture.importTar(short, [{ path: 'other', content: 'y' }]);
    expect(fixture.images.resolve(short).id).toBe(two);
    fixture.images.tag(two, 'x', '');
    expect(fixture.images.resolve('x').id).toBe(two);
    expect(fixture.images.inspect(one).RepoTags).toEqual([]);
    expect(() => fixture.images.tag('nosuch', 'a', 'b')).toThrow('No such image: nosuch:latest');
    expect(() => fixture.images.tag(one, 'sha256', 'b')).toThrow('refusing to create an ambiguous tag');
  });
});
