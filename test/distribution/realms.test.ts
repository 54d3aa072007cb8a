/** The token server is anybody whom a registry's challenge names, and says what it likes. */
import { expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RegistrySettings } from '#distribution';
import { makeAuthority, makeCertificate } from '../harness/certificates.ts';
import {
  type ScriptedAnswer,
  type ScriptedRequest,
  startScriptedRegistry,
  startScriptedServer,
} from '../harness/index.ts';
import { collect, describe, manifestOf, manifestType, openClient } from './client.ts';
import { startProxy } from './proxy.ts';

setDefaultTimeout(60_000);

const { signal } = new AbortController();
const password = { username: 'me', password: 'secret' };
const identity = { username: 'me', identitytoken: 'for long' };
const basic = `Basic ${btoa('me:secret')}`;

/** A registry that wants a token of this realm for everything. */
async function challenging(realm: () => string, tls?: { cert: string; key: string }) {
  const registry = await startScriptedRegistry({
    ...(tls && { tls }),
    script: ({ headers }) =>
      headers.get('authorization') === 'Bearer good'
        ? undefined
        : { status: 401, headers: { 'WWW-Authenticate': `Bearer realm="${realm()}",service="s"` } },
  });
  registry.addManifest(manifestOf('x'), manifestType, 'tag');
  return registry;
}

const pull = (host: string, credentials?: object, settings: Partial<RegistrySettings> = {}) =>
  openClient({ downloadAttempts: 1, ...settings })
    .repository(`${host}/a`, { actions: 'pull', signal, ...(credentials && { credentials }) })
    .manifest('tag');
const logIn = (host: string) => openClient().login({ ...password, serveraddress: host }, signal);

/** What of a user's secrets came with requests. */
const told = (requests: readonly ScriptedRequest[]): string[] =>
  requests.flatMap(({ headers, body }) => {
    const authorization = headers.get('authorization') ?? '';
    const text = `${authorization} ${Buffer.from(body)}`;
    return text.includes(basic) || text.includes('for') ? [text] : [];
  });

test('a challenge that names no server to ask, or one that is none of its business, is refused, and nobody is asked', async () => {
  let realm = '';
  await using registry = await challenging(() => realm);
  const unusable = 'no usable token server';
  const private_ = 'an address of this link alone';
  for (const [given, words] of [
    ['', unusable],
    ['/token', unusable],
    ['file:///etc/passwd', unusable],
    ['unix:///var/run/docker.sock', unusable],
    ['data:application/json,{"token":"good"}', unusable],
    ['ftp://127.0.0.1/token', unusable],
    ['http://', unusable],
    ['http://169.254.169.254/latest/meta-data/', private_],
    ['http://2852039166/latest/meta-data/', private_],
    ['http://[::ffff:169.254.169.254]/latest/meta-data/', private_],
    ['http://[fe80::1]/', private_],
  ] as const) {
    realm = given;
    for (const credentials of [undefined, password, identity]) {
      await expect(pull(registry.host, credentials)).rejects.toThrow(words);
    }
    await expect(logIn(registry.host)).rejects.toThrow(words);
  }
  expect(told(registry.requests)).toEqual([]);
});

test('a token server that sends elsewhere, or in a circle, does not take the password there', async () => {
  await using elsewhere = await startScriptedServer(() => ({ body: '{"token":"good"}' }));
  let location = '';
  await using server = await startScriptedServer(() => ({ status: 307, headers: { Location: location } }));
  await using registry = await challenging(() => `http://${server.host}/token`);
  location = '/token';
  await expect(pull(registry.host, password)).rejects.toThrow('stopped after 10 redirects');
  expect(server.requests.length).toBe(11);
  // To and fro between two: only the first request is for whom the registry named.
  const before = server.requests.length;
  await using other = await startScriptedServer(() => ({
    status: 302,
    headers: { Location: `http://${server.host}/token` },
  }));
  location = `http://${other.host}/token`;
  await expect(pull(registry.host, password)).rejects.toThrow('stopped after 10 redirects');
  expect(told(server.requests.slice(before))).toHaveLength(1);
  expect(told(other.requests)).toEqual([]);

  location = `http://${elsewhere.host}/token`;
  await pull(registry.host, password);
  expect(elsewhere.requests.map(({ method }) => method)).toEqual(['GET']);
  // An identity token is in the body, and that goes nowhere else.
  await expect(pull(registry.host, identity)).rejects.toThrow('307');
  location = 'http://169.254.169.254/latest/meta-data';
  await expect(pull(registry.host, password)).rejects.toThrow('an address of this link alone');
  expect([told(elsewhere.requests), told(registry.requests), elsewhere.requests.length]).toEqual([[], [], 1]);
});

test('what a token server gives that is no token is said to be so, and no request is made with it', async () => {
  let answer: ScriptedAnswer = {};
  await using server = await startScriptedServer(() => answer);
  await using registry = await challenging(() => `http://${server.host}/token`);
  const settings = { idleMs: 300 };
  for (const [given, words] of [
    [{ body: '<html>sign in</html>' }, 'unable to decode token response'],
    [{ body: '{}' }, 'did not include a token'],
    [{ body: 'null' }, 'did not include a token'],
    [{ body: '{"token":{"good":1}}' }, 'did not include a token'],
    [{ body: '{"token":"good\\r\\nX-More: 1"}' }, 'did not include a token'],
    [{ body: `{"token":"${'x'.repeat(2_000_000)}"}` }, 'is larger than 1048576 bytes'],
    [{ status: 401, body: '<html>no</html>' }, 'unauthorized'],
    [{ status: 500 }, '500'],
    [{ body: '{"token":"good"}', breakAfterBytes: 5, hangs: true }, 'Client.Timeout'],
    [{ body: '{"token":"good"}', breakAfterBytes: 5 }, 'EOF'],
  ] as const) {
    answer = given;
    await expect(pull(registry.host, password, settings)).rejects.toThrow(words);
  }
  expect(registry.requests.filter(({ headers }) => headers.has('authorization'))).toEqual([]);
  answer = { body: '{"access_token":"good"}' };
  expect((await pull(registry.host, password, settings)).descriptor.mediaType).toBe(manifestType);
});

test('of a registry whose certificate is checked the token server is, too: no password in plain text, nor to who shows no certificate', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-realms-'));
  // An address that is nobody's, so that it is not this machine's; the proxy takes it for this machine.
  const address = '192.0.2.1';
  makeAuthority(directory, 'authority');
  makeCertificate(directory, { name: 'server', authority: 'authority', use: 'server', addresses: [address] });
  const [cert = '', key = ''] = ['server.pem', 'server.key'].map((name) => readFileSync(join(directory, name), 'utf8'));
  await using proxy = await startProxy();
  await using plain = await startScriptedServer(() => ({ body: '{"token":"good"}' }));
  await using unknown = await startScriptedServer(() => ({ body: '{"token":"good"}' }), { tls: { cert, key } });
  let realm = '';
  await using registry = await challenging(() => realm, { cert, key });
  const host = `${address}:${registry.port}`;
  mkdirSync(join(directory, host));
  await copyFile(join(directory, 'authority.pem'), join(directory, host, 'ca.crt'));
  const by = `http://${proxy.host}`;
  const settings = { proxies: { http: by, https: by }, certificatesDirectory: directory };

  for (const credentials of [password, identity]) {
    realm = `http://${address}:${plain.port}/token`;
    await expect(pull(host, credentials, settings)).rejects.toThrow('would get the credentials unencrypted');
    realm = `https://${address}:${unknown.port}/token`;
    await expect(pull(host, credentials, settings)).rejects.toThrow('certificate signed by unknown authority');
  }
  expect([told(plain.requests), told(unknown.requests), told(registry.requests)]).toEqual([[], [], []]);
  expect(proxy.asked.filter((line) => line.includes(`${plain.port}`))).toEqual([]);
  // Who has nothing to hide may ask; and who says that the registry is insecure has said so of its token server.
  realm = `http://${address}:${plain.port}/token`;
  await pull(host, undefined, settings);
  expect(told(plain.requests)).toEqual([]);
  await pull(host, password, { ...settings, insecure: [host] });
  expect(told(plain.requests)).toHaveLength(1);
  rmSync(directory, { recursive: true });
});

test('neither a layer that says where it is nor an upload leads to an address of the link', async () => {
  const away = 'http://169.254.169.254/latest/meta-data';
  await using registry = await startScriptedRegistry({
    script: ({ method }) => (method === 'POST' ? { status: 202, headers: { Location: away } } : undefined),
  });
  const client = openClient({ downloadAttempts: 1 });
  const repository = client.repository(`${registry.host}/a`, { actions: 'push', signal });
  const refusal = 'an address of this link alone is not gone to';
  await expect(collect(repository.blob({ ...describe('layer'), urls: [away] }))).rejects.toThrow(refusal);
  async function* open() {
    yield Buffer.from('layer');
  }
  const upload = { digest: describe('layer').digest, sizeBytes: 5, open };
  await expect(repository.uploadBlob(upload)).rejects.toThrow(refusal);
});
