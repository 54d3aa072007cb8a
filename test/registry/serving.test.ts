/** The registry as a process with settings: TLS, users, rights, tokens of another server, SIGHUP, metrics. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { openDistribution, registryDefaults } from '#distribution';
import { signToken } from '../../src/registry/access/jwt.ts';
import { digest, TestClient } from '../../src/registry/testing/client.ts';
import { makeAuthority, makeCertificate } from '../harness/certificates.ts';
import { estibaCommand, type OwnRegistry, run, startOwnRegistry, until } from '../harness/index.ts';

setDefaultTimeout(60_000);

const directory = mkdtempSync(join(tmpdir(), 'estiba-serving-'));
const place = (name: string): string => join(directory, name);
makeAuthority(directory, 'authority');
for (const name of ['first', 'second']) makeCertificate(directory, { name, authority: 'authority', use: 'server' });
const ca = readFileSync(place('authority.pem'), 'utf8');
const hashOf = (password: string): string => Bun.password.hashSync(password, { algorithm: 'bcrypt', cost: 4 });
writeFileSync(place('htpasswd'), `alice:${hashOf('one')}\nbob:${hashOf('two')}\n`);

interface Changing {
  readonly certificate?: string;
  readonly isReadOnly?: boolean;
  readonly more?: string;
}

function writeSettings({ certificate = 'first', isReadOnly = false, more = '' }: Changing): void {
  writeFileSync(
    place('registry.yml'),
    `
metrics-addr: 127.0.0.1:0
tls-cert: ${place(`${certificate}.pem`)}
tls-key: ${place(`${certificate}.key`)}
htpasswd: ${place('htpasswd')}
read-only: ${isReadOnly}
groups: {team: [alice]}
rights:
  - {group: team, repositories: ['team/**', 'shared/*'], actions: [pull, push, delete]}
  - {user: bob, repositories: ['shared/*'], actions: [pull, push]}
  - {anonymous: true, repositories: ['public/**'], actions: [pull]}
  - {user: '*', repositories: ['home/{user}/**', 'public/**'], actions: [pull, push]}
${more}`,
  );
}

writeSettings({});
const registry = await startOwnRegistry({ arguments: ['--config', place('registry.yml')] });
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

const as = (user?: string, password = ''): TestClient =>
  new TestClient(registry.url, {
    tls: { ca },
    headers: user === undefined ? {} : { Authorization: `Basic ${btoa(`${user}:${password}`)}` },
  });
const [alice, bob, nobody] = [as('alice', 'one'), as('bob', 'two'), as()];

test('who may do what: pulls, pushes, the list of repositories, and mounts from where one may not read', async () => {
  expect(registry.url).toStartWith('https://127.0.0.1:');
  await alice.pushImage('team/app', 'v1', 'a layer of the team');
  await alice.pushImage('shared/app', 'v1', 'a shared layer');
  await alice.pushImage('public/app', 'v1', 'a public layer');
  await bob.pushImage('home/bob/app', 'v1', 'a layer of bob');
  const status = async (client: TestClient, method: string, path: string): Promise<number> =>
    (await client.send(method, path)).status;
  expect(await status(bob, 'GET', 'team/app/manifests/v1')).toBe(403);
  expect(await status(alice, 'GET', 'home/bob/app/manifests/v1')).toBe(403);
  expect(await status(nobody, 'GET', 'public/app/manifests/v1')).toBe(200);
  expect(await status(nobody, 'GET', 'shared/app/manifests/v1')).toBe(401);
  expect(await status(nobody, 'POST', 'public/app/blobs/uploads/')).toBe(401);
  expect(await status(bob, 'DELETE', 'shared/app/manifests/v1')).toBe(403);
  expect(await status(as('alice', 'two'), 'GET', 'public/app/manifests/v1')).toBe(401);
  const list = async (client: TestClient, query = ''): Promise<unknown> =>
    (await (await client.send('GET', `_catalog${query}`)).json()) as unknown;
  expect(await list(alice)).toEqual({ repositories: ['public/app', 'shared/app', 'team/app'] });
  expect(await list(bob)).toEqual({ repositories: ['home/bob/app', 'public/app', 'shared/app'] });
  expect(await list(bob, '?n=1&last=home/bob/app')).toEqual({ repositories: ['public/app'] });
  const mount = (layer: string, query: string) =>
    status(bob, 'POST', `home/bob/other/blobs/uploads/?mount=${digest(layer)}${query}`);
  expect(await mount('a shared layer', '&from=shared/app')).toBe(201);
  // What bob may not read there he gets no other way: neither said where it is, nor left to find it.
  expect(await mount('a layer of the team', '&from=team/app')).toBe(202);
  expect(await mount('a layer of the team', '')).toBe(202);
  expect(await status(bob, 'HEAD', `home/bob/other/blobs/${digest('a layer of the team')}`)).toBe(404);
  await alice.pushBlob('shared/app', 'a layer of the team');
  expect(await mount('a layer of the team', '')).toBe(201);
});

/** The certificate that new connections are shown. */
function shownCertificate(): Promise<string> {
  const { hostname, port } = new URL(registry.url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), ca }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

let hangups = 0;
async function hangUp(message: string): Promise<void> {
  hangups += 1;
  process.kill(registry.pid, 'SIGHUP');
  const told = /msg="settings (?:read again|are as they were)".*/g;
  const lines = await until(
    'the settings to be read',
    () => {
      const found = registry.log().match(told) ?? [];
      return found.length === hangups ? found : undefined;
    },
    30_000,
  );
  expect(lines.at(-1)).toContain(message);
}

test('SIGHUP: certificates, users, rights and read-only change; a push that runs goes on', async () => {
  const content = new Uint8Array(Buffer.alloc(300_000, 'a push that takes its time '));
  const location = await alice.startUpload('team/slow');
  const more = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(content.slice(0, 100_000));
      await more.promise;
      controller.enqueue(content.slice(100_000));
      controller.close();
    },
  });
  const pushing = fetch(registry.url + location, { ...alice.init, method: 'PATCH', body });
  expect(await shownCertificate()).toBe('first');
  writeSettings({ certificate: 'second', isReadOnly: true, more: 'grace: 1h' });
  writeFileSync(place('htpasswd'), `alice:${hashOf('new')}\n`);
  await hangUp('read again');
  expect(registry.log()).toContain('msg="these settings hold from the next start on" settings=grace');
  expect(await shownCertificate()).toBe('second');
  more.resolve();
  expect((await pushing).status).toBe(202);
  const changed = as('alice', 'new');
  expect((await alice.send('GET', 'team/app/manifests/v1')).status).toBe(401);
  expect((await changed.send('GET', 'team/app/manifests/v1')).status).toBe(200);
  const refusals = [
    await changed.send('PUT', `${location}?digest=${digest(content)}`),
    await changed.send('POST', `team/app/blobs/uploads/?mount=${digest('a shared layer')}&from=shared/app`),
    await changed.send('PUT', 'team/app/manifests/v2', '{}'),
    await changed.send('DELETE', 'team/app/manifests/v1'),
    await changed.send('DELETE', `team/app/blobs/${digest('a layer of the team')}`),
  ];
  for (const refusal of refusals) {
    expect([refusal.status, await refusal.text()]).toEqual([405, expect.stringContaining('the registry is read-only')]);
  }
  writeSettings({ more: 'grcae: 1h' });
  await hangUp('unknown key grcae');
  writeSettings({ certificate: 'first', more: 'tls-client-ca: /nowhere' });
  await hangUp('as they were');
  expect([await shownCertificate(), (await changed.send('POST', 'team/x/blobs/uploads/')).status]).toEqual([
    'second',
    405,
  ]);
  writeSettings({ certificate: 'first' });
  await hangUp('read again');
  expect((await changed.send('PUT', `${location}?digest=${digest(content)}`)).status).toBe(201);
  expect(await shownCertificate()).toBe('first');
});

test('metrics tell what there is and what was done', async () => {
  const address = /metrics=tcp:\/\/(\S+)/.exec(registry.log())?.[1];
  const answer = await fetch(`http://${address}/metrics`);
  expect(answer.headers.get('Content-Type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await answer.text();
  const value = (name: string): number =>
    Number(new RegExp(`^estiba_registry_${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  expect([value('repositories'), value('tags'), value('manifests'), value('uploads')]).toEqual([6, 4, 4, 2]);
  expect(value('blobs')).toBe(6);
  expect(value('blob_bytes')).toBeGreaterThan(300_000);
  expect(value('received_bytes_total')).toBeGreaterThan(300_000);
  expect(value('http_request_duration_seconds_count{method="DELETE",route="manifests",code="405"}')).toBe(1);
  expect(value('garbage_collections_total{outcome="done"}')).toBe(0);
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  expect((await fetch(`http://${address}/other`)).status).toBe(404);
});

/** A token server that lets in `carol` with any password, for whatever she asks. */
function serveTokens(key: Parameters<typeof signToken>[1]['key']) {
  return Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      const { searchParams } = new URL(request.url);
      const [user = ''] = atob(request.headers.get('authorization')?.split(' ')[1] ?? '').split(':');
      const access = searchParams.getAll('scope').map((scope) => {
        const [type = '', name = '', actions = ''] = scope.split(':');
        return { type, name, actions: user === 'carol' ? actions.split(',') : [] };
      });
      const now = Math.floor(Date.now() / 1000);
      const claims = { iss: 'tests', aud: searchParams.get('service'), sub: user, exp: now + 300, access };
      return Response.json({ token: signToken(claims, { key, keyId: 'tests' }), expires_in: 300 });
    },
  });
}

test('tokens of another server let in, and nothing else does', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const jwk = { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid: 'tests', use: 'sig' };
  writeFileSync(place('keys.json'), JSON.stringify({ keys: [jwk] }));
  const server = serveTokens(privateKey);
  let guarded: OwnRegistry | undefined;
  try {
    const settings = { realm: `http://127.0.0.1:${server.port}/token`, service: 'ours', issuer: 'tests' };
    const words = Object.entries({ ...settings, keys: place('keys.json') }).flatMap(([name, value]) => [
      `--token-${name}`,
      value,
    ]);
    guarded = await startOwnRegistry({ arguments: words });
    const asked = await new TestClient(guarded.url).send('GET', 'team/app/manifests/v1');
    expect([asked.status, asked.headers.get('WWW-Authenticate')]).toEqual([
      401,
      `Bearer realm="${settings.realm}",service="ours",scope="repository:team/app:pull"`,
    ]);
    const { host } = new URL(guarded.url);
    const client = openDistribution(() => registryDefaults);
    const { signal } = new AbortController();
    const open = (username: string) =>
      client.repository(`${host}/team/app`, { credentials: { username, password: 'x' }, actions: 'push', signal });
    const content = Buffer.from('a blob by token');
    const upload = {
      open: async function* () {
        yield content;
      },
    };
    const pushed = await open('carol').uploadBlob(upload);
    expect(await open('carol').headBlob(pushed.digest)).toEqual({ sizeBytes: content.length });
    await expect(open('mallory').headBlob(pushed.digest)).rejects.toMatchObject({ kind: 'forbidden' });
  } finally {
    await guarded?.[Symbol.asyncDispose]();
    await server.stop(true);
  }
});

test('where no registry serves, garbage is collected by the rules of the file', async () => {
  writeSettings({ more: 'retain: [{repositories: team/*, max-age-days: 0}]' });
  const collect = (...more: string[]) =>
    run([...estibaCommand(), 'registry', 'gc', '--config', place('registry.yml'), ...more]);
  expect(await registry.stop()).toBe(0);
  const { code, stdout } = await collect('--root', registry.root, '--dry-run');
  expect([code, stdout]).toEqual([0, expect.stringContaining('tag      team/app:v1  (older than 0 days)\n')]);
  expect(await collect()).toMatchObject({ code: 1, stderr: expect.stringContaining('with --root DIR') });
});
