/** Logins by the docker CLI and ours, and what `run` pulls, against Debian's docker-registry and ours. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAuthority, makeCertificate } from '../harness/certificates.ts';
import {
  estibaCommand,
  type OwnRegistry,
  type Ran,
  run,
  startEngine,
  startOwnRegistry,
  startRegistry,
  type TestEngine,
  type TestRegistry,
} from '../harness/index.ts';
import { digestIn } from './published.ts';

setDefaultTimeout(60_000);

let scratch: string;
let engine: TestEngine;
let registry: TestRegistry;
/** With TLS of an authority that certs.d alone knows, and a user. */
let locked: TestRegistry;
/** The same by ours, which gives tokens too. */
let own: OwnRegistry;
let ownHost: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'estiba-logins-'));
  makeAuthority(scratch, 'authority');
  makeCertificate(scratch, { name: 'server', authority: 'authority', use: 'server' });
  const certificates = join(scratch, 'certs.d');
  const tls = { certificate: join(scratch, 'server.pem'), key: join(scratch, 'server.key') };
  writeFileSync(
    join(scratch, 'htpasswd'),
    `jane:${Bun.password.hashSync('right', { algorithm: 'bcrypt', cost: 4 })}\n`,
  );
  const files = { htpasswd: 'htpasswd', 'tls-cert': 'server.pem', 'tls-key': 'server.key' };
  const words = Object.entries(files).flatMap(([flag, name]) => [`--${flag}`, join(scratch, name)]);
  [engine, registry, locked, own] = await Promise.all([
    startEngine({ arguments: ['--registry-certificates', certificates] }),
    startRegistry(),
    startRegistry({ tls, user: { name: 'jane', password: 'right' } }),
    startOwnRegistry({ arguments: ['--issue-tokens', ...words] }),
  ]);
  ownHost = new URL(own.url).host;
  for (const host of [locked.host, ownHost]) {
    mkdirSync(join(certificates, host), { recursive: true });
    copyFileSync(join(scratch, 'authority.pem'), join(certificates, host, 'ca.crt'));
  }
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await locked[Symbol.asyncDispose]();
  await own[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

describe('a registry that lets in who has a password', () => {
  const right = ['-u', 'jane', '--password-stdin'];
  const estiba = (config: string, input: string, ...args: string[]): Promise<Ran> =>
    run([...estibaCommand(), ...args], { input, environment: { DOCKER_HOST: engine.host, DOCKER_CONFIG: config } });
  const docker = (config: string, input: string, ...args: string[]): Promise<Ran> =>
    engine.dockerWith(
      { input, environment: { DOCKER_CONFIG: config, PATH: `${scratch}:${process.env.PATH}` } },
      ...args,
    );
  const folder = (name: string, content: object = {}): string => {
    const path = join(scratch, name);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'config.json'), JSON.stringify(content));
    return path;
  };

  for (const [what, cli] of [
    ['docker', docker],
    ['estiba', estiba],
  ] as const) {
    test(`by ${what}: login, push, pull, logout`, async () => {
      const config = folder(what);
      const name = `${locked.host}/${what}/app:1`;
      await engine.dockerOk('tag', 'busybox', name);
      const refused = await cli(config, '', 'push', name);
      expect([refused.code, refused.stderr.trim()]).toEqual([1, expect.stringContaining('no basic auth credentials')]);
      const wrong = await cli(config, 'wrong', 'login', ...right, locked.host);
      expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('unauthorized')]);
      expect((await cli(config, 'right', 'login', ...right, locked.host)).stdout).toBe('Login Succeeded\n');
      const pushed = await cli(config, '', 'push', name);
      expect([pushed.stderr, pushed.code]).toEqual(['', 0]);
      await engine.dockerOk('rmi', name);
      const pulled = await cli(config, '', 'pull', name);
      expect([pulled.stderr, pulled.code, digestIn(pulled.stdout)]).toEqual(['', 0, digestIn(pushed.stdout)]);
      expect((await cli(config, '', 'logout', locked.host)).code).toBe(0);
      const out = await cli(config, '', 'pull', name);
      expect([out.code, out.stderr]).toEqual([1, expect.stringContaining('no basic auth credentials')]);
    });
  }

  test.each([
    ['docker', docker],
    ['estiba', estiba],
  ])('by %s at ours, with tokens: login, push, pull, logout', async (what, cli) => {
    const config = folder(`own-${what}`);
    const name = `${ownHost}/${what}/app:1`;
    await engine.dockerOk('tag', 'busybox', name);
    expect((await cli(config, '', 'push', name)).stderr).toContain('denied');
    const wrong = await cli(config, 'wrong', 'login', ...right, ownHost);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('unauthorized')]);
    expect((await cli(config, 'right', 'login', ...right, ownHost)).stdout).toBe('Login Succeeded\n');
    expect(JSON.parse(readFileSync(join(config, 'config.json'), 'utf8'))).toMatchObject({
      auths: { [ownHost]: { identitytoken: expect.any(String) } },
    });
    const pushed = await cli(config, '', 'push', name);
    expect([pushed.stderr, pushed.code]).toEqual(['', 0]);
    await engine.dockerOk('rmi', name);
    const pulled = await cli(config, '', 'pull', name);
    expect([pulled.stderr, pulled.code, digestIn(pulled.stdout)]).toEqual(['', 0, digestIn(pushed.stdout)]);
    expect((await cli(config, '', 'logout', ownHost)).code).toBe(0);
    const out = await cli(config, '', 'pull', name);
    expect([out.code, out.stderr]).toEqual([1, expect.stringContaining('denied')]);
  });

  test('a build pulls and pushes with its client’s login, and without one is told', async () => {
    const config = folder('builder');
    const name = `${ownHost}/builder/base:1`;
    await engine.dockerOk('tag', 'busybox', name);
    expect((await estiba(config, 'right', 'login', ...right, ownHost)).stdout).toBe('Login Succeeded\n');
    expect((await estiba(config, '', 'push', name)).code).toBe(0);
    await engine.dockerOk('rmi', name);
    const context = folder('builder-context');
    writeFileSync(join(context, 'Dockerfile'), `FROM ${name}\nRUN echo built > /file\n`);
    const made = `${ownHost}/builder/made:1`;
    const built = await estiba(config, '', 'build', '--push', '--tag', made, context);
    expect([built.code, built.code === 0 ? '' : built.stderr]).toEqual([0, '']);
    expect((await estiba(config, '', 'pull', made)).code).toBe(0);
    expect((await engine.dockerOk('run', '--rm', made, 'cat', '/file')).trim()).toBe('built');
    const stranger = await estiba(folder('stranger'), '', 'build', '--pull', context);
    expect([stranger.code, stranger.stderr]).toEqual([
      1,
      expect.stringContaining('pull access denied, repository does not exist or may require authorization'),
    ]);
  });

  test('a credential helper keeps the password', async () => {
    const kept = join(scratch, 'kept');
    const helper = join(scratch, 'docker-credential-drawer');
    writeFileSync(helper, `#!/bin/sh\ncase $1 in store) cat > ${kept};; get) cat ${kept};; erase) rm ${kept};; esac\n`);
    chmodSync(helper, 0o755);
    const config = folder('helped', { credsStore: 'drawer' });
    expect((await docker(config, 'right', 'login', ...right, locked.host)).stdout).toContain('Login Succeeded');
    expect(JSON.parse(readFileSync(kept, 'utf8'))).toMatchObject({ Username: 'jane', Secret: 'right' });
    const name = `${locked.host}/helped:1`;
    await engine.dockerOk('tag', 'busybox', name);
    expect((await docker(config, '', 'push', '-q', name)).stdout).toBe(`${name}\n`);
    const inspected = await docker(config, '', 'manifest', 'inspect', '--insecure', name);
    expect([inspected.code, inspected.stderr]).toEqual([0, '']);
  });
});

test('run pulls when it must, as it is told', async () => {
  const repository = `${registry.host}/runner`;
  const name = `${repository}:1`;
  await engine.dockerOk('tag', 'busybox', name);
  await engine.dockerOk('push', name);
  for (const cli of [engine.docker.bind(engine), engine.estiba.bind(engine)]) {
    await engine.dockerOk('rmi', name);
    const never = await cli('run', '--rm', '--pull', 'never', name, 'true');
    expect([never.code, never.stderr]).toEqual([125, expect.stringContaining(`No such image: ${name}`)]);
    const missing = await cli('run', '--rm', name, 'echo', 'in');
    expect(missing).toMatchObject({ code: 0, stdout: 'in\n' });
    expect(missing.stderr).toContain(`Unable to find image '${name}' locally`);
    expect(missing.stderr).toContain(`Status: Downloaded newer image for ${name}`);
    const always = await cli('run', '--rm', '--pull', 'always', name, 'echo', 'in');
    expect([always.stdout, always.stderr]).toEqual([
      'in\n',
      expect.stringContaining(`Image is up to date for ${name}`),
    ]);
    const none = await cli('run', '--rm', `${repository}:none`, 'true');
    expect([none.code, none.stderr]).toEqual([
      125,
      expect.stringContaining(`manifest for ${repository}:none not found`),
    ]);
  }
});
