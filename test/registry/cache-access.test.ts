/** A cache that knows its users, and one that is its own upstream. */
import { expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDistribution, registryDefaults } from '#distribution';
import { openAccess, parseUpstream } from '../../src/registry/index.ts';
import { startTestRegistry } from '../../src/registry/testing/client.ts';

setDefaultTimeout(60_000);

test('by a name that is sought elsewhere: tokens are for that name, rights for the one here', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-cache-access-'));
  const htpasswd = join(directory, 'htpasswd');
  const hash = Bun.password.hashSync('secret', { algorithm: 'bcrypt', cost: 4 });
  writeFileSync(htpasswd, `alice:${hash}\nbob:${hash}\n`);
  await using upstream = startTestRegistry();
  const image = await upstream.client.pushImage('app', 'v1', 'a layer');
  const guard = openAccess({
    realm: 'tests',
    htpasswd,
    issue: { keyFile: join(directory, 'key.pem'), service: 'tests' },
    rights: [{ user: 'alice', repositories: ['up/**'], actions: ['pull'] }],
    groups: {},
  });
  const upstreams = [parseUpstream(`up=${upstream.client.url}`)];
  await using cache = startTestRegistry({ guard, cache: { upstreams, fallback: 'up', freshMs: 0 } });
  const { host } = new URL(cache.client.url);
  const distribution = openDistribution(() => ({ ...registryDefaults, firstRetryMs: 10 }));
  const pull = async (name: string, username: string): Promise<string> => {
    const credentials = { username, password: 'secret' };
    const { signal } = new AbortController();
    const repository = distribution.repository(`${host}/${name}`, { credentials, actions: 'pull', signal });
    return (await repository.manifest('v1')).descriptor.digest;
  };
  expect([await pull('app', 'alice'), await pull('up/app', 'alice')]).toEqual([image, image]);
  for (const name of ['app', 'up/app']) await expect(pull(name, 'bob')).rejects.toThrow('denied');
  rmSync(directory, { recursive: true });
});

test('who is its own upstream, by whatever way, says so, and does not wait for itself', async () => {
  let url = '';
  const way = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: ({ url: asked, method, headers }) => fetch(url + new URL(asked).pathname, { method, headers }),
  });
  const upstreams = [parseUpstream(`up=${way.url.origin}`)];
  await using cache = startTestRegistry({ cache: { upstreams, fallback: 'up', freshMs: 0 } });
  url = cache.client.url;
  const answer = await cache.client.send('GET', 'app/manifests/v1');
  expect([answer.status, await answer.text()]).toEqual([
    502,
    expect.stringContaining('the registry is its own upstream'),
  ]);
  await way.stop(true);
});
