import { expect, test } from 'bun:test';
import { dockerArchive, openFixture, tar } from '../fixture.ts';

const layer = tar({ path: 'file', content: 'x' });

test('an image that is removed while it is pushed or checked is sent whole, is not called damaged, and is gone then', async () => {
  await using fixture = await openFixture();
  let begun = (): unknown => undefined;
  let tagged = '';
  await using server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      await request.arrayBuffer();
      if (pathname === '/v2/') return new Response('{}');
      await begun();
      if (request.method === 'HEAD') return new Response(null, { status: 404 });
      if (pathname.includes('/manifests/')) tagged = pathname;
      const Location = '/v2/a/blobs/uploads/one';
      return new Response(null, { status: request.method === 'POST' ? 202 : 201, headers: { Location } });
    },
  });
  const name = `127.0.0.1:${server.port}/a`;
  await fixture.load(dockerArchive([layer], [`${name}:1`]));
  const remove = () => fixture.images.remove(`${name}:1`, { force: true, noPrune: false });
  let removed: Promise<unknown> | undefined;
  begun = () => (removed ??= remove());
  const { signal } = new AbortController();
  await Array.fromAsync(fixture.images.push({ name, tag: '1', credentials: {}, signal }));
  expect(tagged).toBe('/v2/a/manifests/1');
  expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });

  await fixture.load(dockerArchive([layer], [`${name}:1`]));
  const told: unknown[] = [];
  for await (const { aux } of fixture.images.check([], { repair: false, credentials: {}, signal })) {
    if (fixture.list().length > 0) await remove();
    told.push(aux);
  }
  expect(told.filter((aux) => aux !== undefined)).toEqual([]);
  expect(await fixture.leftOnDisk()).toEqual({ layers: [], blobs: [], others: [] });
});
