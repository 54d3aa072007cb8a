/** Registries that are kept in ours: true ones, and one that breaks off, refuses and lies. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { mediaTypes } from '#oci';
import { parseUpstream, type RegistryOptions } from '../../src/registry/index.ts';
import {
  bytes,
  digest,
  imageIndex,
  imageManifest,
  startTestRegistry,
  TestClient,
} from '../../src/registry/testing/client.ts';
import {
  errorAnswer,
  type ScriptedAnswer,
  type ScriptedRequest,
  startRegistry,
  startScriptedRegistry,
  until,
} from '../harness/index.ts';

setDefaultTimeout(60_000);

const hourMs = 3_600_000;
const large = new Uint8Array(Buffer.alloc(2_500_000, 'the bytes of a large layer '));
const config = '{"made":"upstream"}';

type Script = (request: ScriptedRequest) => ScriptedAnswer | undefined | Promise<ScriptedAnswer | undefined>;

function cacheOf(upstreams: Readonly<Record<string, string>>, more: object = {}): Partial<RegistryOptions> {
  const places = Object.entries(upstreams).map(([prefix, url]) => parseUpstream(`${prefix}=${url}`));
  return { cache: { upstreams: places, freshMs: hourMs, ...more } };
}

/** An upstream with one image, and a registry that keeps it below `up`. */
async function scripted(script: Script = () => undefined, more: object = {}, options: Partial<RegistryOptions> = {}) {
  const upstream = await startScriptedRegistry({ script });
  const layers = [large, 'a small layer', ''];
  for (const content of [config, ...layers]) upstream.addBlob(content);
  const image = imageManifest(config, layers);
  upstream.addManifest(image, mediaTypes.manifest, 'latest');
  const cache = startTestRegistry({ ...cacheOf({ up: `http://${upstream.host}` }, more), ...options });
  return {
    upstream,
    image,
    cache,
    client: cache.client,
    asked: (pattern: RegExp, method = 'GET') =>
      upstream.requests.filter((request) => request.method === method && pattern.test(request.path)).length,
    async [Symbol.asyncDispose]() {
      await cache[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

async function body(answer: Promise<Response>): Promise<Uint8Array> {
  return new Uint8Array(await (await answer).arrayBuffer());
}

const refusal = async (answer: Promise<Response>): Promise<unknown> => {
  const { status } = await answer;
  const { errors } = (await (await answer).json()) as { errors: { code: string; message: string }[] };
  return { status, ...errors[0] };
};

test('what is asked for comes from its upstream, and is here from then on, whether that answers or not', async () => {
  let isDown = false;
  await using it = await scripted(() => (isDown ? { status: 500 } : undefined), { freshMs: 0 });
  const { client, cache, image, asked } = it;
  const tagged = await client.send('GET', 'up/app/manifests/latest');
  expect([tagged.status, tagged.headers.get('Docker-Content-Digest'), await tagged.text()]).toEqual([
    200,
    digest(image),
    image,
  ]);
  const blob = `up/app/blobs/${digest(large)}`;
  const head = await client.send('HEAD', blob);
  expect([head.status, head.headers.get('Content-Length')]).toEqual([200, String(large.length)]);
  // Many at once, parts among them: it comes once.
  const range = { Range: 'bytes=2499000-' };
  const [whole, other, last, first] = await Promise.all([
    body(client.send('GET', blob)),
    body(client.send('GET', blob)),
    client.send('GET', blob, undefined, range),
    client.send('GET', blob, undefined, { Range: 'bytes=10-19' }),
  ]);
  expect([digest(whole), digest(other)]).toEqual([digest(large), digest(large)]);
  expect([last.status, last.headers.get('Content-Range')]).toEqual([206, 'bytes 2499000-2499999/2500000']);
  expect(digest(await body(Promise.resolve(last)))).toBe(digest(large.slice(2_499_000)));
  expect(digest(await body(Promise.resolve(first)))).toBe(digest(large.slice(10, 20)));
  for (const content of ['a small layer', '', config]) {
    expect(await body(client.send('GET', `up/app/blobs/${digest(content)}`))).toEqual(bytes(content));
  }
  isDown = true;
  const again = await client.send('GET', blob);
  expect([again.headers.get('Content-Length'), digest(await body(Promise.resolve(again)))]).toEqual([
    String(large.length),
    digest(large),
  ]);
  expect(await (await client.send('GET', 'up/app/manifests/latest')).text()).toBe(image);
  expect(await (await client.send('GET', `up/app/manifests/${digest(image)}`)).text()).toBe(image);
  expect(await refusal(client.send('GET', 'up/other/manifests/latest'))).toMatchObject({
    status: 502,
    code: 'UNAVAILABLE',
    message: expect.stringContaining(`${it.upstream.host} does not give it: received unexpected HTTP status: 500`),
  });
  expect(asked(new RegExp(digest(large)))).toBe(1);
  // Nobody pushes into what is another's; beside it all is as it was.
  expect(await refusal(client.send('POST', 'up/app/blobs/uploads/'))).toMatchObject({ status: 403, code: 'DENIED' });
  await client.pushImage('own/app', 'v1', 'a layer of ours');
  expect((await client.send('GET', 'own/app/manifests/v1')).status).toBe(200);
  expect((await client.send('GET', 'own/app/manifests/v2')).status).toBe(404);
  expect(await cache.registry.metrics()).toContain('estiba_registry_cache_fetched_bytes_total 2500032\n');
});

test('a tag is believed for a while, and then compared', async () => {
  await using it = await scripted(undefined, { freshMs: 0 });
  await using fresh = startTestRegistry(cacheOf({ up: `http://${it.upstream.host}` }));
  const names = async (client: TestClient) =>
    (await client.send('HEAD', 'up/app/manifests/latest')).headers.get('Docker-Content-Digest');
  expect([await names(it.client), await names(fresh.client)]).toEqual([digest(it.image), digest(it.image)]);
  expect(await names(it.client)).toBe(digest(it.image));
  const manifests = /\/manifests\/latest/;
  expect([it.asked(manifests), it.asked(manifests, 'HEAD')]).toEqual([2, 1]);
  const next = imageManifest(config, ['a small layer']);
  it.upstream.addManifest(next, mediaTypes.manifest, 'latest');
  expect([await names(it.client), await names(fresh.client)]).toEqual([digest(next), digest(it.image)]);
  expect(await names(it.client)).toBe(digest(next));
});

test('a tag that its upstream has no more is gone, and its manifest is not', async () => {
  let isGone = false;
  await using it = await scripted(
    ({ path }) =>
      isGone && path.endsWith('/latest') ? errorAnswer(404, 'MANIFEST_UNKNOWN', 'manifest unknown') : undefined,
    { freshMs: 0 },
    // Of clients, not of upstreams.
    { policy: { readOnly: true } },
  );
  expect((await it.client.send('GET', 'up/app/manifests/latest')).status).toBe(200);
  isGone = true;
  expect((await it.client.send('GET', 'up/app/manifests/latest')).status).toBe(404);
  expect((await it.client.send('GET', `up/app/manifests/${digest(it.image)}`)).status).toBe(200);
});

test('a blob with another digest breaks the connection, and is nowhere afterwards', async () => {
  const wrong = new Uint8Array(large);
  wrong[wrong.length - 1] = 0;
  await using it = await scripted(({ path }) => {
    if (path.endsWith(digest(large))) return { body: wrong };
    return path.endsWith(digest('a small layer')) ? { body: 'a spoilt layer' } : undefined;
  });
  await it.client.send('GET', 'up/app/manifests/latest');
  for (let round = 0; round < 2; round += 1) {
    const failure = await body(it.client.send('GET', `up/app/blobs/${digest(large)}`)).catch(() => 'broken');
    expect(failure).toBe('broken');
  }
  expect(await refusal(it.client.send('GET', `up/app/blobs/${digest('a small layer')}`))).toMatchObject({
    status: 502,
  });
  const path = join(it.cache.root, 'blobs/sha256');
  for (const content of [large, wrong, 'a spoilt layer', 'a small layer']) {
    expect(existsSync(join(path, digest(content).slice('sha256:'.length)))).toBe(false);
  }
  expect(await it.cache.registry.collect(true)).toMatchObject({ removals: [] });
  const manifest = `up/app/manifests/${digest('something else')}`;
  expect((await it.client.send('GET', manifest)).status).toBe(404);
});

test('a download that breaks off goes on; one whose client leaves too', async () => {
  const gone = Promise.withResolvers<void>();
  await using it = await scripted(({ path, count }) =>
    path.endsWith(digest(large)) && count === 1
      ? { body: large, breakAfterBytes: 1_500_000, breakWhen: gone.promise }
      : undefined,
  );
  await it.client.send('GET', 'up/app/manifests/latest');
  const leaving = new AbortController();
  const url = `${it.client.url}/v2/up/app/blobs/${digest(large)}`;
  const answer = await fetch(url, { signal: leaving.signal });
  const reader = answer.body?.getReader();
  expect((await reader?.read())?.value?.length).toBeGreaterThan(0);
  leaving.abort();
  gone.resolve();
  const stored = join(it.cache.root, 'blobs/sha256', digest(large).slice('sha256:'.length));
  await until('the blob to be stored', () => existsSync(stored), 30_000);
  const asked = it.upstream.requests.filter(({ path }) => path.endsWith(digest(large)));
  expect(asked.map(({ headers }) => headers.has('range'))).toEqual([false, true]);
});

test('an upstream that refuses is quoted', async () => {
  await using it = await scripted(({ path }) => {
    if (path.includes('/secret/')) return errorAnswer(403, 'DENIED', 'you may not');
    if (path.includes('/often/')) return errorAnswer(429, 'TOOMANYREQUESTS', 'too much');
    return path.includes('/closed/') ? errorAnswer(401, 'UNAUTHORIZED', 'who are you') : undefined;
  });
  const { client } = it;
  const from = `${it.upstream.host} does not give it: `;
  expect(await refusal(client.send('GET', 'up/secret/manifests/x'))).toMatchObject({
    status: 403,
    code: 'DENIED',
    message: expect.stringContaining('pull access denied for'),
  });
  expect(await refusal(client.send('GET', 'up/closed/manifests/x'))).toMatchObject({
    status: 403,
    code: 'DENIED',
    message: expect.stringContaining(`${from}unauthorized`),
  });
  expect(await refusal(client.send('GET', `up/secret/blobs/${digest('x')}`))).toMatchObject({ status: 403 });
  expect(await refusal(client.send('GET', 'up/often/manifests/x'))).toMatchObject({
    status: 429,
    code: 'TOOMANYREQUESTS',
  });
  expect(await refusal(client.send('GET', 'up/app/manifests/none'))).toMatchObject({ status: 404 });
  expect(await refusal(client.send('GET', `up/app/blobs/${digest('x')}`))).toMatchObject({ code: 'BLOB_UNKNOWN' });
});

test('what nobody asked for goes after its time; what was pushed stays', async () => {
  await using it = await scripted(undefined, { keepMs: 10 * hourMs }, { graceMs: hourMs });
  const { client, cache, image } = it;
  const pull = async () => {
    await client.send('GET', 'up/app/manifests/latest');
    for (const content of [config, large, 'a small layer', '']) {
      await body(client.send('GET', `up/app/blobs/${digest(content)}`));
    }
  };
  await pull();
  await client.pushImage('own/app', 'v1', 'a layer of ours');
  const blobs = async () => /^estiba_registry_blobs (\d+)$/m.exec(await cache.registry.metrics())?.[1];
  expect(await blobs()).toBe('6');
  expect((await cache.registry.collect(false, Date.now() + 9 * hourMs)).removals).toEqual([]);
  const { removals } = await cache.registry.collect(false, Date.now() + 11 * hourMs);
  expect(removals.filter(({ repository }) => repository === 'up/app').length).toBe(5);
  expect(removals.every(({ repository }) => repository === 'up/app')).toBe(true);
  expect(await blobs()).toBe('2');
  expect((await client.send('GET', 'own/app/manifests/v1')).status).toBe(200);
  await pull();
  expect(it.asked(new RegExp(digest(image)))).toBe(0);
  expect(it.asked(new RegExp(digest(large)))).toBe(2);
});

const debian = await startRegistry();
const own = startTestRegistry();
const both = startTestRegistry(cacheOf({ debian: debian.url, own: `${own.client.url}/team` }, { fallback: 'debian' }));
afterAll(async () => {
  await both[Symbol.asyncDispose]();
  await own[Symbol.asyncDispose]();
  await debian[Symbol.asyncDispose]();
});

test('several upstreams in one: Debian’s and ours, by prefix, by name, and for what is not here', async () => {
  const [there, here] = [new TestClient(debian.url), own.client];
  const first = await there.pushImage('app', 'v1', 'a layer at Debian’s');
  const second = await here.pushImage('team/app', 'v1', large);
  const index = imageIndex([await (await here.send('GET', `team/app/manifests/${second}`)).text()]);
  await here.putManifest('team/app', 'many', index, mediaTypes.index);
  const { client } = both;
  const get = async (path: string): Promise<string> =>
    (await client.send('GET', path)).headers.get('Docker-Content-Digest') ?? '';
  expect(await get('debian/app/manifests/v1')).toBe(first);
  expect(await get('own/app/manifests/v1')).toBe(second);
  expect(await get('own/app/manifests/many')).toBe(digest(index));
  expect(await get(`app/manifests/v1?ns=${new URL(own.client.url).host}`)).toBe(second);
  expect(await get('app/manifests/v1')).toBe(first);
  const layer = digest('a layer at Debian’s');
  expect(await (await client.send('GET', `app/blobs/${layer}`)).text()).toBe('a layer at Debian’s');
  // A repository that is here is the one that is meant.
  const mine = await client.pushImage('app', 'v1', 'a layer of ours');
  expect([await get('app/manifests/v1'), await get('debian/app/manifests/v1')]).toEqual([mine, first]);
  // What another repository here has is not fetched again, if the upstream has it.
  await client.pushBlob('mine', large);
  await here.pushImage('team/other', 'v1', large);
  expect(await get('own/other/manifests/v1')).not.toBe('');
  expect(digest(await body(client.send('GET', `own/other/blobs/${digest(large)}`)))).toBe(digest(large));
  await client.pushBlob('mine', 'unknown to Debian’s');
  expect((await client.send('GET', `debian/app/blobs/${digest('unknown to Debian’s')}`)).status).toBe(404);
  expect(await both.registry.metrics()).toContain('estiba_registry_cache_fetches_total 1\n');
});

test('tags and referrers are those of the upstream, and those that are here when it is gone', async () => {
  const upstream = startTestRegistry();
  await using cache = startTestRegistry(cacheOf({ up: upstream.client.url }, { freshMs: 0 }));
  const { client } = cache;
  const json = async (path: string): Promise<unknown> => (await client.send('GET', path)).json();
  let image = '';
  for (const tag of ['a', 'b', 'c']) image = await upstream.client.pushImage('app', tag, 'a layer');
  const subject = { mediaType: mediaTypes.manifest, digest: image, size: 1 };
  const signed = await upstream.client.pushImage('app', undefined, 'a signature', {
    subject,
    artifactType: 'test/signature',
  });
  await client.send('GET', 'up/app/manifests/b');
  expect(await json('up/app/tags/list')).toEqual({ name: 'up/app', tags: ['a', 'b', 'c'] });
  const page = await client.send('GET', 'up/app/tags/list?n=1&last=a');
  expect([await page.json(), page.headers.get('Link')]).toEqual([
    { name: 'up/app', tags: ['b'] },
    '</v2/up/app/tags/list?last=b&n=1>; rel="next"',
  ]);
  const referrers = `up/app/referrers/${image}`;
  expect(await json(referrers)).toMatchObject({ manifests: [{ digest: signed, artifactType: 'test/signature' }] });
  expect(await json(`${referrers}?artifactType=other`)).toMatchObject({ manifests: [] });
  expect((await client.send('GET', 'up/none/tags/list')).status).toBe(404);
  await upstream[Symbol.asyncDispose]();
  expect(await json('up/app/tags/list')).toEqual({ name: 'up/app', tags: ['b'] });
  expect(await json(referrers)).toMatchObject({ manifests: [] });
  expect((await client.send('GET', 'up/none/tags/list')).status).toBe(502);
});
