/** skopeo with the registry: TLS, a user, its tokens, and a cache of it. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerArchive, tar } from '../../src/images/fixture.ts';
import { makeAuthority, makeCertificate } from '../harness/certificates.ts';
import { type OwnRegistry, run, startOwnRegistry } from '../harness/index.ts';

setDefaultTimeout(60_000);

const directory = mkdtempSync(join(tmpdir(), 'estiba-skopeo-'));
const place = (name: string): string => join(directory, name);
makeAuthority(directory, 'authority');
makeCertificate(directory, { name: 'server', authority: 'authority', use: 'server' });
mkdirSync(place('certs'));
writeFileSync(place('certs/ca.crt'), readFileSync(place('authority.pem')));
writeFileSync(place('htpasswd'), `jane:${Bun.password.hashSync('right', { algorithm: 'bcrypt', cost: 4 })}\n`);
const layer = (name: string, bytes: number): Buffer =>
  tar(
    { path: name, mode: 0o644, content: Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))) },
    {
      path: `${name}-large`,
      mode: 0o644,
      content: Buffer.alloc(bytes, name),
    },
  );
writeFileSync(place('image.tar'), dockerArchive([layer('one', 3_000_000), layer('two', 1000)], ['app:1']));

const registry = await startOwnRegistry({
  arguments: [
    ...['--tls-cert', place('server.pem'), '--tls-key', place('server.key')],
    ...['--htpasswd', place('htpasswd'), '--issue-tokens'],
  ],
});
const { host } = new URL(registry.url);
let cache: OwnRegistry | undefined;
afterAll(async () => {
  await cache?.[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

async function skopeo(...words: readonly string[]): Promise<string> {
  // Root's notes of what is where would lie beside all that is of this test.
  const environment = { _CONTAINERS_ROOTLESS_UID: '1', XDG_DATA_HOME: directory, XDG_RUNTIME_DIR: directory };
  const command = ['skopeo', '--insecure-policy', '--tmpdir', directory, ...words];
  const { code, stdout, stderr } = await run(command, { environment });
  if (code !== 0) throw new Error(`skopeo ${words.join(' ')}: ${stderr}`);
  return stdout;
}

const user = ['--creds', 'jane:right', '--cert-dir', place('certs')];
const from = ['--src-creds', 'jane:right', '--src-cert-dir', place('certs')];
const to = ['--dest-creds', 'jane:right', '--dest-cert-dir', place('certs')];
const digestOf = async (name: string): Promise<string> =>
  (JSON.parse(await skopeo('inspect', ...user, `docker://${host}/${name}`)) as { Digest: string }).Digest;

test('copy in, between and out, inspect, list-tags, delete', async () => {
  await skopeo('copy', ...to, `docker-archive:${place('image.tar')}`, `docker://${host}/team/app:1`);
  const digest = await digestOf('team/app:1');
  await skopeo('copy', ...from, ...to, `docker://${host}/team/app:1`, `docker://${host}/team/other:2`);
  expect(await digestOf('team/other:2')).toBe(digest);
  await skopeo('copy', ...from, ...to, `docker://${host}/team/app@${digest}`, `docker://${host}/team/app:2`);
  expect(JSON.parse(await skopeo('list-tags', ...user, `docker://${host}/team/app`))).toEqual({
    Repository: `${host}/team/app`,
    Tags: ['1', '2'],
  });
  await skopeo('copy', ...from, '--multi-arch', 'all', `docker://${host}/team/app:2`, `dir:${place('out')}`);
  expect(readdirSync(place('out')).length).toBe(5);
  await skopeo('copy', ...to, '--format', 'oci', `dir:${place('out')}`, `docker://${host}/team/app:oci`);
  expect(await digestOf('team/app:oci')).not.toBe(digest);
  await skopeo('delete', ...user, `docker://${host}/team/app:1`);
  // By its digest: with it went the other tag.
  expect(JSON.parse(await skopeo('list-tags', ...user, `docker://${host}/team/app`))).toMatchObject({ Tags: ['oci'] });
  await expect(skopeo('inspect', '--cert-dir', place('certs'), `docker://${host}/team/other:2`)).rejects.toThrow();
});

test('through a cache, which knows the way in', async () => {
  mkdirSync(place(`certs.d/${host}`), { recursive: true });
  writeFileSync(place(`certs.d/${host}/ca.crt`), readFileSync(place('authority.pem')));
  writeFileSync(place('credentials.yml'), 'up: {username: jane, password: right}\n');
  cache = await startOwnRegistry({
    arguments: [
      ...['--upstream', `up=https://${host}`, '--upstream-certs', place('certs.d')],
      ...['--upstream-credentials', place('credentials.yml')],
    ],
  });
  const cached = `docker://${new URL(cache.url).host}/up/team/other:2`;
  await skopeo('copy', '--src-tls-verify=false', cached, `dir:${place('cached')}`);
  await registry.stop();
  await skopeo('copy', '--src-tls-verify=false', cached, `dir:${place('again')}`);
  expect(readdirSync(place('again'))).toEqual(readdirSync(place('cached')));
});
