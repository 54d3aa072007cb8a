import { afterAll, beforeAll, expect, test } from 'bun:test';
import { openDistribution, registryDefaults } from './open.ts';

const basic = `Basic ${Buffer.from('me:secret').toString('base64')}`;
let server: ReturnType<typeof Bun.serve>;
/** The challenge of the registry: basic, or tokens of its own server. */
let scheme: 'basic' | 'bearer';

beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      const { pathname, searchParams, origin } = new URL(request.url);
      const given = request.headers.get('authorization');
      if (pathname === '/token') {
        if (given !== basic || searchParams.get('service') !== 'a registry') return new Response('', { status: 401 });
        return Response.json({ token: 't', refresh_token: 'for later' });
      }
      if (given === (scheme === 'basic' ? basic : 'Bearer t')) return new Response('{}');
      const challenge = scheme === 'basic' ? 'Basic realm="x"' : `Bearer realm="${origin}/token",service="a registry"`;
      return new Response('', { status: 401, headers: { 'WWW-Authenticate': challenge } });
    },
  });
});
afterAll(() => server.stop(true));

function login(password: string, serveraddress = `127.0.0.1:${server.port}`): Promise<string> {
  const { signal } = new AbortController();
  return openDistribution(() => registryDefaults).login({ username: 'me', password, serveraddress }, signal);
}

test('a registry that knows passwords, or tokens, is logged in to; a wrong password is refused', async () => {
  for (const [challenge, token] of [
    ['basic', ''],
    ['bearer', 'for later'],
  ] as const) {
    scheme = challenge;
    expect(await login('secret')).toBe(token);
    await expect(login('wrong')).rejects.toMatchObject({ kind: 'unauthorized' });
  }
});

test('one that cannot be reached is told of in the words that Docker uses', async () => {
  const free = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('') });
  const address = `127.0.0.1:${free.port}`;
  await free.stop(true);
  await expect(login('secret', address)).rejects.toThrow(
    `Get "http://${address}/v2/": dial tcp ${address}: connect: connection refused`,
  );
  await expect(login('secret', 'nowhere.invalid')).rejects.toThrow(
    'Get "https://nowhere.invalid/v2/": dial tcp: lookup nowhere.invalid: no such host',
  );
  await expect(login('secret', 'http://[')).rejects.toMatchObject({ kind: 'invalid-argument' });
});
