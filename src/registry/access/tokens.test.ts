import { afterAll, describe, expect, test } from 'bun:test';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask, base, basic, granted, hashOf, makeUsers, pull, push, request } from './access.fixture.ts';
import { type AccessSettings, openAccess } from './access.ts';
import { libtrustKeyId } from './token-keys.ts';

const { directory, htpasswd } = makeUsers();
afterAll(() => rmSync(directory, { recursive: true }));

describe('tokens of another server', () => {
  const pair = (type: 'ec' | 'rsa') =>
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const [ec, rsa, stranger] = [pair('ec'), pair('rsa'), pair('ec')];
  const keysFile = join(directory, 'keys.pem');
  const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string;
  writeFileSync(keysFile, pem(ec.publicKey) + pem(rsa.publicKey));
  const token = { realm: 'https://auth.test/token', service: 'registry.test', issuer: 'auth.test', keysFile };
  const now = Math.floor(Date.now() / 1000);
  const access = [{ type: 'repository', name: 'team/app', actions: ['pull'] }];
  const good = { iss: 'auth.test', aud: 'registry.test', sub: 'alice', exp: now + 300, nbf: now - 5, access };

  function make(
    claims: object,
    key: KeyObject | Uint8Array | undefined,
    header: Readonly<Record<string, unknown>>,
  ): string {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ typ: 'JWT', ...header })}.${part(claims)}`;
    if (key === undefined) return `${signed}.`;
    if (key instanceof Uint8Array)
      return `${signed}.${new Bun.CryptoHasher('sha256', key).update(signed).digest('base64url')}`;
    const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }
  const es256 = { alg: 'ES256', kid: libtrustKeyId(ec.publicKey) };

  test('give what their access says, to whoever has them', async () => {
    for (const text of [
      make(good, ec.privateKey, es256),
      make(good, ec.privateKey, { alg: 'ES256' }),
      make({ ...good, aud: ['x', 'registry.test'] }, rsa.privateKey, {
        alg: 'RS256',
        kid: libtrustKeyId(rsa.publicKey),
      }),
    ]) {
      const grants = await granted({ token }, `Bearer ${text}`);
      expect([
        grants.user,
        grants.allows(pull('team/app')),
        grants.allows(push('team/app')),
        grants.allows(pull('team/other')),
      ]).toEqual(['alice', true, false, false]);
      expect([grants.allows({ action: 'pull' }), grants.allows({ action: 'catalog' })]).toEqual([true, false]);
      expect(grants.challenge([push('team/app')])).toBe(
        'Bearer realm="https://auth.test/token",service="registry.test",scope="repository:team/app:pull,push",error="insufficient_scope"',
      );
    }
  });

  test('without one the challenge says what is to be asked for', async () => {
    const grants = await granted({ token });
    expect([grants.allows({ action: 'pull' }), grants.allows(pull('a'))]).toEqual([false, false]);
    expect(grants.challenge([])).toBe('Bearer realm="https://auth.test/token",service="registry.test"');
    expect(grants.challenge([push('a'), pull('b'), { action: 'catalog' }])).toEndWith(
      'scope="repository:a:pull,push repository:b:pull registry:catalog:*"',
    );
    expect(grants.challenge([{ action: 'pull', repository: 'a"\r\nX: y' }])).not.toMatch(/[\r\n]/);
  });

  test.each<[string, string]>([
    ['signed by nobody (alg none)', make(good, undefined, { alg: 'none' })],
    ['alg none with a signature', make(good, ec.privateKey, { alg: 'none' })],
    ['an HMAC with the public key as its secret', make(good, Buffer.from(pem(rsa.publicKey)), { alg: 'HS256' })],
    [
      'the same, named as the RSA key',
      make(good, Buffer.from(pem(rsa.publicKey)), { alg: 'HS256', kid: libtrustKeyId(rsa.publicKey) }),
    ],
    ['a stranger under a known name', make(good, stranger.privateKey, es256)],
    [
      'a stranger that brings its own key',
      make(good, stranger.privateKey, { alg: 'ES256', jwk: stranger.publicKey.export({ format: 'jwk' }) }),
    ],
    [
      'a stranger that brings a certificate that is none',
      make(good, stranger.privateKey, { alg: 'ES256', x5c: ['AAAA'] }),
    ],
    ['the EC key called RSA', make(good, ec.privateKey, { alg: 'RS256', kid: libtrustKeyId(ec.publicKey) })],
    ['an unknown name', make(good, ec.privateKey, { alg: 'ES256', kid: '../../key' })],
    ['an algorithm of an object', make(good, ec.privateKey, { alg: 'constructor' })],
    ['a critical extension', make(good, ec.privateKey, { ...es256, crit: ['exp'] })],
    ['expired', make({ ...good, exp: now - 3600 }, ec.privateKey, es256)],
    ['without an end', make({ ...good, exp: undefined }, ec.privateKey, es256)],
    ['not yet', make({ ...good, nbf: now + 3600 }, ec.privateKey, es256)],
    ['another issuer', make({ ...good, iss: 'evil.test' }, ec.privateKey, es256)],
    ['for another service', make({ ...good, aud: 'other.test' }, ec.privateKey, es256)],
    [
      'malformed access',
      make({ ...good, access: [{ type: 'repository', name: 'a', actions: 'pull' }] }, ec.privateKey, es256),
    ],
    ['no token', 'abc'],
    ['two parts', 'YQ.YQ'],
    ['far too long', make({ ...good, pad: 'x'.repeat(20_000) }, ec.privateKey, es256)],
  ])('%s is refused', async (_, text) => {
    expect(await ask({ token }, `Bearer ${text}`)).toEqual({
      code: 'UNAUTHORIZED',
      challenge: 'Bearer realm="https://auth.test/token",service="registry.test",error="invalid_token"',
    });
  });

  test('a changed claim is refused', async () => {
    const [head, , signature] = make(good, ec.privateKey, es256).split('.');
    const body = Buffer.from(JSON.stringify({ ...good, sub: 'root' })).toString('base64url');
    expect(await ask({ token }, `Bearer ${head}.${body}.${signature}`)).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('keys from a key set, and chains to a certificate', async () => {
    const openssl = (...words: readonly string[]): void => {
      const { exitCode, stderr } = Bun.spawnSync(['openssl', ...words], {
        cwd: directory,
        stdout: 'ignore',
        stderr: 'pipe',
      });
      if (exitCode !== 0) throw new Error(stderr.toString());
    };
    const set = join(directory, 'keys.json');
    writeFileSync(
      set,
      JSON.stringify({ keys: [{ ...ec.publicKey.export({ format: 'jwk' }), kid: 'first', alg: 'ES256' }] }),
    );
    const bySet = await granted(
      { token: { ...token, keysFile: set } },
      `Bearer ${make(good, ec.privateKey, { alg: 'ES256', kid: 'first' })}`,
    );
    expect(bySet.allows(pull('team/app'))).toBe(true);
    for (const name of ['ca', 'other-ca']) {
      openssl(
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.pem`,
        '-subj',
        `/CN=${name}`,
        '-days',
        '2',
      );
    }
    writeFileSync(join(directory, 'leaf.key'), ec.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    openssl('req', '-new', '-key', 'leaf.key', '-subj', '/CN=leaf', '-out', 'leaf.csr');
    openssl(
      'x509',
      '-req',
      '-in',
      'leaf.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-out',
      'leaf.pem',
    );
    const der = readFileSync(join(directory, 'leaf.pem'), 'utf8').replace(/-----[A-Z ]+-----|\n/g, '');
    const text = `Bearer ${make(good, ec.privateKey, { alg: 'ES256', x5c: [der] })}`;
    const byChain = await granted({ token: { ...token, keysFile: join(directory, 'ca.pem') } }, text);
    expect(byChain.allows(pull('team/app'))).toBe(true);
    expect(await ask({ token: { ...token, keysFile: join(directory, 'other-ca.pem') } }, text)).toMatchObject({
      code: 'UNAUTHORIZED',
    });
    const secret = join(directory, 'secret.json');
    writeFileSync(secret, JSON.stringify({ keys: [ec.privateKey.export({ format: 'jwk' })] }));
    expect(() => openAccess({ ...base, token: { ...token, keysFile: secret } })).toThrow('there is a secret in it');
    expect(() => openAccess({ ...base, token: { ...token, keysFile: join(directory, 'leaf.key') } })).toThrow(
      'PRIVATE KEY',
    );
  });
});

const same = (name: string): string => name;

describe('tokens of its own', () => {
  const keyFile = join(directory, 'own/token-key.pem');
  const rights: AccessSettings['rights'] = [
    { anonymous: true, repositories: ['public/*'], actions: ['pull'] },
    { user: 'alice', repositories: ['team/**'], actions: ['pull', 'push'] },
  ];
  const settings: AccessSettings = { ...base, htpasswd, rights, issue: { keyFile, service: 'mine' } };

  async function fetchToken(query: string, authorization?: string, from = settings) {
    const answer = await openAccess(from).token?.(request(authorization, `/token?${query}`), same);
    return { status: answer?.status, body: (await answer?.json()) as Record<string, string> };
  }
  async function postToken(form: Readonly<Record<string, string>>, from = settings) {
    const sent = new Request('http://registry.test:5000/token', { method: 'POST', body: new URLSearchParams(form) });
    const answer = await openAccess(from).token?.(sent, same);
    return { status: answer?.status, body: (await answer?.json()) as Record<string, string> };
  }

  test('by password, for what the user may do and no more; good after a restart', async () => {
    const { body } = await fetchToken(
      'service=mine&scope=repository:team/a:pull,push,delete&scope=repository:other:pull',
      basic('alice', 'secret'),
    );
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    const grants = await granted(settings, `Bearer ${body.token}`);
    expect([
      grants.allows(push('team/a')),
      grants.allows({ action: 'delete', repository: 'team/a' }),
      grants.allows(pull('team/b')),
    ]).toEqual([true, false, false]);
    expect(grants.challenge([pull('team/b')])).toStartWith(
      'Bearer realm="http://registry.test:5000/token",service="mine",scope="repository:team/b:pull"',
    );
    // The right itself is missing: another token would not help.
    expect(grants.challenge([pull('other')])).toBeUndefined();
    expect(body.refresh_token).toBeUndefined();
  });

  test('for nobody: what all may do', async () => {
    const { body } = await fetchToken('scope=repository:public/a:pull,push%20repository:team/a:pull');
    const grants = await granted(settings, `Bearer ${body.token}`);
    expect([
      grants.user,
      grants.allows(pull('public/a')),
      grants.allows(push('public/a')),
      grants.allows(pull('team/a')),
    ]).toEqual([undefined, true, false, false]);
    expect(grants.challenge([pull('team/a')])).toContain('scope="repository:team/a:pull"');
  });

  test('a refresh token stands for the password until that changes, and is no access token', async () => {
    const path = join(directory, 'refreshed');
    writeFileSync(path, readFileSync(htpasswd));
    const mine = { ...settings, htpasswd: path };
    const { body } = await fetchToken('service=mine&offline_token=true', basic('alice', 'secret'), mine);
    const refresh_token = body.refresh_token ?? '';
    expect(await ask(mine, `Bearer ${refresh_token}`)).toMatchObject({ code: 'UNAUTHORIZED' });
    const form = { grant_type: 'refresh_token', refresh_token, service: 'mine', scope: 'repository:team/a:push' };
    const fresh = await postToken(form, mine);
    expect(fresh.body).toMatchObject({ refresh_token, scope: 'repository:team/a:push', expires_in: 300 });
    const bearer = `Bearer ${fresh.body.access_token}`;
    expect((await granted(mine, bearer)).allows(push('team/a'))).toBe(true);
    // An access token is no refresh token.
    expect((await postToken({ ...form, refresh_token: fresh.body.access_token ?? '' }, mine)).status).toBe(401);
    writeFileSync(path, `alice:${hashOf('changed')}\n`);
    expect((await postToken(form, mine)).status).toBe(401);
    expect(await ask(mine, bearer)).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('by form and password', async () => {
    const form = {
      grant_type: 'password',
      username: 'alice',
      password: 'secret',
      service: 'mine',
      access_type: 'offline',
    };
    expect((await postToken(form)).body).toMatchObject({ refresh_token: expect.any(String), scope: '' });
    expect((await postToken({ ...form, password: 'x' })).status).toBe(401);
    expect((await postToken({ ...form, grant_type: 'client_credentials' })).status).toBe(400);
    expect((await postToken({ ...form, service: 'other' })).status).toBe(400);
    expect((await postToken({ ...form, password: 'x'.repeat(100_000) })).status).toBe(413);
  });

  test('a password works without a token too; a wrong one at the endpoint does not', async () => {
    expect((await granted(settings, basic('alice', 'secret'))).allows(push('team/a'))).toBe(true);
    expect((await granted(settings, basic('alice', 'x'))).allows({ action: 'pull' })).toBe(false);
    expect((await fetchToken('service=mine', basic('alice', 'x'))).status).toBe(401);
    chmodSync(keyFile, 0o600);
    writeFileSync(join(directory, 'own/bad.pem'), 'x');
    expect(() =>
      openAccess({ ...settings, issue: { keyFile: join(directory, 'own/bad.pem'), service: 'mine' } }),
    ).toThrow('token key');
  });
});
