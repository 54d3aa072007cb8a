/** How the client of registries gets in, and by which way: tokens, mirrors, TLS, uploads that break. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '#oci';
import { certificatesFor } from '../../src/distribution/certificates.ts';
import { createTransport } from '../../src/distribution/transport.ts';
import { makeAuthority, makeCertificate } from '../harness/certificates.ts';
import { errorAnswer, type ScriptedRequest, startScriptedRegistry, startScriptedServer } from '../harness/index.ts';
import { collect, describe, manifestOf, manifestType, openClient, pullFrom } from './client.ts';
import { startProxy } from './proxy.ts';

const { signal } = new AbortController();
const content = Buffer.alloc(200_000, 'something to send ');
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'estiba-reaching-'));
  makeAuthority(directory, 'authority');
  makeCertificate(directory, { name: 'server', authority: 'authority', use: 'server' });
  makeCertificate(directory, { name: 'client', authority: 'authority', use: 'client' });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A registry that wants a token for everything; its tokens are `token-1`, `token-2`, … and the newest alone is good. */
async function guarded(answerToken: (request: ScriptedRequest, count: number) => object | undefined) {
  let given = 0;
  const registry = await startScriptedRegistry({
    script(request) {
      if (request.path === '/token') {
        const answer = answerToken(request, given + 1);
        if (answer === undefined) return { status: 401, body: '{"details":"incorrect username or password"}' };
        given += 1;
        return { body: JSON.stringify({ token: `token-${given}`, ...answer }) };
      }
      if (request.headers.get('authorization') === `Bearer token-${given}` && given > 0) return undefined;
      const challenge = `Bearer realm="http://${registry.host}/token",service="a, \\"quoted\\" one",scope="repository:a:pull"`;
      return {
        ...errorAnswer(401, 'UNAUTHORIZED', 'who?'),
        headers: { 'WWW-Authenticate': `Negotiate, ${challenge}` },
      };
    },
  });
  const newToken = (): void => {
    given += 1;
  };
  return { registry, newToken, count: () => given };
}

test('a token is fetched for what is done, kept, and fetched anew when it is no longer taken', async () => {
  const { registry, newToken, count } = await guarded(() => ({ expires_in: 300 }));
  await using _ = registry;
  registry.addManifest(manifestOf(content), manifestType, 'tag');
  registry.addBlob(content);
  const repository = pullFrom(openClient(), `${registry.host}/a`);
  await repository.manifest('tag');
  await collect(repository.blob(describe(content)));
  expect(count()).toBe(1);
  const asked = registry.requests.find(({ path }) => path === '/token');
  expect(Object.fromEntries(asked?.query ?? [])).toEqual({ service: 'a, "quoted" one', scope: 'repository:a:pull' });
  newToken();
  await repository.manifest('tag');
  expect(count()).toBe(3);
});

test('passwords, identity tokens and registry tokens each go where they belong', async () => {
  const seen: (readonly [string, string | null, string])[] = [];
  const { registry } = await guarded(({ method, headers, body }) => {
    seen.push([method, headers.get('authorization'), Buffer.from(body).toString()]);
    return headers.get('authorization') === `Basic ${btoa('me:wrong')}` ? undefined : {};
  });
  await using _ = registry;
  registry.addManifest(manifestOf(content), manifestType, 'tag');
  const as = (credentials: object) =>
    openClient().repository(`${registry.host}/a`, { credentials, actions: 'push', signal }).manifest('tag');
  await as({ username: 'me', password: 'secret' });
  await as({ username: 'me', identitytoken: 'for long' });
  expect(seen[0]).toEqual(['GET', `Basic ${btoa('me:secret')}`, '']);
  expect(seen[1]?.slice(0, 2)).toEqual(['POST', null]);
  expect(Object.fromEntries(new URLSearchParams(seen[1]?.[2]))).toEqual({
    grant_type: 'refresh_token',
    refresh_token: 'for long',
    client_id: 'docker',
    service: 'a, "quoted" one',
    scope: 'repository:a:pull repository:a:pull,push',
  });
  await as({ registrytoken: 'token-2' });
  expect(seen.length).toBe(2);
  await expect(as({ username: 'me', password: 'wrong' })).rejects.toMatchObject({
    kind: 'unauthorized',
    message: `Get "http://${registry.host}/v2/a/manifests/tag": unauthorized: incorrect username or password`,
  });
});

test('mirrors of a registry are asked first, each in turn, and never told the password of it', async () => {
  const halfRead = Promise.withResolvers<void>();
  await using registry = await startScriptedRegistry();
  await using half = await startScriptedRegistry({
    script: ({ path, method, headers }) => {
      if (path.includes('/blobs/')) return { body: content, breakAfterBytes: 50_000, breakWhen: halfRead.promise };
      expect([method, headers.get('authorization')]).toEqual(['GET', null]);
      return undefined;
    },
  });
  const text = manifestOf(content);
  for (const one of [registry, half]) one.addManifest(text, manifestType, 'tag');
  registry.addBlob(content);
  const mirrors = { [registry.host]: ['http://127.0.0.1:1'], '*': [`http://${half.host}/`] };
  const client = openClient({ mirrors, insecure: [half.host] });
  const credentials = { username: 'me', password: 'secret' };
  const repository = client.repository(`${registry.host}/a`, { credentials, actions: 'pull', signal });
  expect((await repository.manifest('tag')).descriptor.digest).toBe(digestOf(text));
  expect(registry.requests.length).toBe(0);
  // What a mirror begins and does not end, the registry itself ends.
  const read = await collect(repository.blob(describe(content)), (sizeBytes) => {
    if (sizeBytes === 50_000) halfRead.resolve();
  });
  expect(read).toEqual(content);
  const rest = registry.requests.find(({ path }) => path.includes('/blobs/'));
  expect(rest?.headers.get('range')).toBe('bytes=50000-');
  expect(await repository.headManifest('tag')).toMatchObject({ digest: digestOf(text) });
});

test('a layer of a manifest that says where it is comes from there when the registry has it not', async () => {
  await using registry = await startScriptedRegistry();
  await using elsewhere = await startScriptedServer(({ path }) =>
    path === '/layer' ? { body: content } : { status: 404 },
  );
  const urls = [`http://${elsewhere.host}/gone`, `http://${elsewhere.host}/layer`];
  const descriptor = { ...describe(content), urls };
  expect(await collect(pullFrom(openClient(), `${registry.host}/a`).blob(descriptor))).toEqual(content);
});

test('an upload that breaks goes on where the registry has got to; one that is forgotten begins anew', async () => {
  let held = Buffer.alloc(0);
  let broken = 0;
  await using registry = await startScriptedServer(({ method, path, url, body, headers }) => {
    const session = { Location: '/v2/a/blobs/uploads/one?state=a%2Fb==', Range: `0-${held.length - 1}` };
    if (path === '/v2/') return { body: '{}' };
    if (method === 'POST') return { status: 202, headers: session };
    if (method === 'GET') return { status: 204, headers: session };
    if (method === 'PUT' && body.length > 0) {
      broken += 1;
      held = Buffer.from(body.subarray(0, 70_000));
      return { status: broken === 1 ? 503 : 404 };
    }
    expect(url).toContain('?state=a%2Fb==');
    if (method === 'PATCH') {
      expect(headers.get('content-range')).toBe(`70000-${content.length - 1}`);
      held = Buffer.concat([held, body]);
      return { status: 202, headers: session };
    }
    return { status: digestOf(held) === new URLSearchParams(url.split('?')[1]).get('digest') ? 201 : 400 };
  });
  const repository = openClient().repository(`${registry.host}/a`, { actions: 'push', signal });
  const { digest, size: sizeBytes } = describe(content);
  const waits: number[] = [];
  async function* open() {
    yield content.subarray(0, 100_000);
    yield content.subarray(100_000);
  }
  expect(await repository.uploadBlob({ digest, sizeBytes, open, onRetry: (wait) => waits.push(wait) })).toEqual({
    digest,
    sizeBytes,
  });
  expect(held).toEqual(content);
  expect(waits.length).toBe(1);
});

test('TLS is checked against the authorities of certs.d, and shows the certificate that is there', async () => {
  const [cert, key, ca] = ['server.pem', 'server.key', 'authority.pem'].map((name) =>
    readFileSync(join(directory, name), 'utf8'),
  );
  if (cert === undefined || key === undefined || ca === undefined) throw new Error('no certificate');
  await using server = await startScriptedServer(() => ({ body: 'inside' }), { tls: { cert, key, ca } });
  const root = join(directory, 'certs.d');
  const wayTo = ({ host }: URL) => ({ tls: certificatesFor(root, host) });
  const transport = createTransport({ wayTo, userAgent: 'tests', idleMs: () => 20_000 });
  const url = `https://${server.host}/`;
  const ask = async () => Buffer.from(await (await transport.send(url, { signal })).content(100)).toString();
  await expect(ask()).rejects.toThrow(
    `Get "${url}": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  );
  mkdirSync(join(root, server.host), { recursive: true });
  const place = (from: string, to: string) => copyFile(join(directory, from), join(root, server.host, to));
  await place('authority.pem', 'ca.crt');
  await expect(ask()).rejects.toThrow('remote error: tls');
  await place('client.pem', 'client.cert');
  await expect(ask()).rejects.toThrow(
    'missing key client.key for client certificate client.cert. CA certificates must use the extension .crt',
  );
  await place('client.key', 'client.key');
  expect(await ask()).toBe('inside');
  rmSync(join(root, server.host, 'client.cert'));
  await expect(ask()).rejects.toThrow('missing client certificate client.cert for key client.key');
});

test('a proxy is gone through, by CONNECT where it is TLS, and told who asks', async () => {
  const [cert = '', key = ''] = ['server.pem', 'server.key'].map((name) => readFileSync(join(directory, name), 'utf8'));
  const authority = readFileSync(join(directory, 'authority.pem'), 'utf8');
  await using plain = await startScriptedServer(() => ({ body: 'plain' }));
  await using secure = await startScriptedServer(() => ({ body: 'secure' }), { tls: { cert, key } });
  await using proxy = await startProxy();
  const wayTo = () => ({ proxy: `http://me:secret@${proxy.host}`, tls: { ca: [authority] } });
  const transport = createTransport({ wayTo, userAgent: 'tests', idleMs: () => 20_000 });
  const ask = async (url: string) => Buffer.from(await (await transport.send(url, { signal })).content(100)).toString();
  expect(await ask(`http://registry.invalid:${plain.port}/`)).toBe('plain');
  expect(await ask(`https://localhost:${secure.port}/`)).toBe('secure');
  expect(proxy.asked).toEqual([`GET http://registry.invalid:${plain.port}/`, `CONNECT localhost:${secure.port}`]);
  expect(proxy.authorizations).toEqual([`Basic ${btoa('me:secret')}`, `Basic ${btoa('me:secret')}`]);
  const nowhere = createTransport({
    wayTo: () => ({ proxy: 'http://127.0.0.1:1' }),
    userAgent: 'tests',
    idleMs: () => 20_000,
  });
  await expect(nowhere.send('https://registry.invalid/v2/', { signal })).rejects.toThrow(
    'Get "https://registry.invalid/v2/": proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused',
  );
});

test('a registry of this machine is spoken to by TLS without a known authority, or plainly', async () => {
  const [cert = '', key = ''] = ['server.pem', 'server.key'].map((name) => readFileSync(join(directory, name), 'utf8'));
  await using secure = await startScriptedRegistry({ tls: { cert, key } });
  await using plain = await startScriptedRegistry();
  for (const registry of [secure, plain]) {
    registry.addManifest(manifestOf(content), manifestType, 'tag');
    expect((await pullFrom(openClient(), `${registry.host}/a`).manifest('tag')).descriptor.mediaType).toBe(
      manifestType,
    );
  }
});

test('an index is searched where the registry has one', async () => {
  const hit = { name: 'a/b', description: 'd', star_count: 3, is_official: true, is_automated: false };
  await using registry = await startScriptedRegistry({
    script: ({ path, query }) =>
      path === '/v1/search' && query.get('q') === 'term' && query.get('n') === '25'
        ? { body: JSON.stringify({ num_results: 1, results: [{ ...hit, more: 1 }] }) }
        : undefined,
  });
  const client = openClient();
  expect(await client.search(`${registry.host}/term`, { limit: 25, signal })).toEqual([hit]);
  await expect(client.search(`${registry.host}/other`, { limit: 25, signal })).rejects.toThrow(
    'Unexpected status code 404',
  );
  for (const [term, limit, words] of [
    ['x', 101, 'limit 101 is outside the range of [1, 100]'],
    ['http://x/y', 1, 'invalid repository name: repository name (http://x/y) should not have a scheme'],
    [
      '127.0.0.1:1/x',
      1,
      'invalid registry endpoint "http://127.0.0.1:1/v1/". HTTPS attempt: Get "https://127.0.0.1:1/v1/_ping": dial tcp 127.0.0.1:1: connect: connection refused. HTTP attempt:',
    ],
  ] as const) {
    await expect(client.search(term, { limit, signal })).rejects.toThrow(words);
  }
});
