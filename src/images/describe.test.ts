import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { encodedOf } from '#oci';
import { dockerArchive, type ImagesFixture, openFixture, tar } from './fixture.ts';

let fixture: ImagesFixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture[Symbol.asyncDispose]());

describe('list', () => {
  test('filters', async () => {
    await fixture.importTar('old/app:1', [{ path: 'a' }], ['LABEL a=1', 'LABEL b=2']);
    await fixture.importTar('new/app:2', [{ path: 'b' }], ['LABEL a=2']);
    const dangling = encodedOf(await fixture.importTar(undefined, [{ path: 'c' }])).slice(0, 12);
    expect(fixture.list().sort()).toEqual(['new/app:2', 'old/app:1', dangling].sort());
    expect(fixture.list({ dangling: ['true'] })).toEqual([dangling]);
    expect(fixture.list({ dangling: ['false'] }).sort()).toEqual(['new/app:2', 'old/app:1']);
    expect(fixture.list({ label: ['a'] }).sort()).toEqual(['new/app:2', 'old/app:1']);
    expect(fixture.list({ label: ['a=1', 'b'] })).toEqual(['old/app:1']);
    expect(fixture.list({ reference: ['*/app'] }).sort()).toEqual(['new/app:2', 'old/app:1']);
    expect(fixture.list({ reference: ['*:1', 'new/app:[0-9]'] })).toEqual(['new/app:2']);
    expect(fixture.list({ before: ['new/app:2'] })).toEqual(['old/app:1']);
    expect(fixture.list({ since: ['new/app:2'] })).toEqual([dangling]);
    expect(fixture.list({ until: ['1h'] })).toEqual([]);
    expect(() => fixture.list({ foo: ['bar'] })).toThrow("invalid filter 'foo'");
    expect(() => fixture.list({ dangling: ['x'] })).toThrow("invalid filter 'dangling=[x]'");
    expect(() => fixture.list({ before: ['nosuch'] })).toThrow('No such image: nosuch:latest');
  });
});

test('an image without a comment has that of its last step', async () => {
  const history = [{ created_by: 'one' }, { created_by: 'two', comment: 'of the builder', empty_layer: true }];
  await fixture.load(dockerArchive([tar({ path: 'a' })], ['made:1'], { history }));
  expect(fixture.images.inspect('made:1').Comment).toBe('of the builder');
});
