/**
 * The examples: checked in every run; with ESTIBA_REAL set they are built of real packages through each door, compared, and run.
 * ESTIBA_REAL may name the tar of a Debian 12 root file system, which spares making one.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Ran, startEngine, type TestEngine, until } from '../harness/index.ts';

const wanted = process.env.ESTIBA_REAL;
setDefaultTimeout(wanted === undefined ? 60_000 : 1_800_000);

const examples = join(import.meta.dir, '../../examples');
const authority = process.env.NODE_EXTRA_CA_CERTS;
const buildTimeoutMs = 900_000;

interface Example {
  readonly flags?: readonly string[];
  /** Shows that what was built works. */
  readonly works: (image: string) => Promise<void>;
}

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  if (wanted === undefined) return;
  if (existsSync(wanted)) await engine.dockerOk('import', '-c', 'CMD ["bash"]', wanted, 'debian:bookworm');
  else expect(await engine.estiba('image', 'bootstrap', 'debian:bookworm')).toMatchObject({ code: 0 });
});
afterAll(() => engine[Symbol.asyncDispose]());

const answer = (image: string, ...command: string[]): Promise<string> =>
  engine.dockerOk('run', '--rm', image, ...command);

/** A container of an image until it has shown that it works. */
async function running(image: string, flags: readonly string[], probe: (container: string) => Promise<boolean>) {
  const container = await engine.dockerOk('run', '-d', ...flags, image);
  try {
    await until(`${image} to work`, () => probe(container), 60_000);
  } finally {
    await engine.docker('rm', '-f', '-v', container);
  }
}

const inside = async (container: string, ...command: string[]): Promise<Ran> =>
  engine.docker('exec', container, ...command);

const table: Readonly<Record<string, Example>> = {
  'go-service': {
    flags: ['--build-arg', 'VERSION=1.2.3'],
    works: async (image) => expect(await answer(image, 'version')).toBe('1.2.3'),
  },
  'node-service': {
    // Of this machine, where what it reaches passes a proxy.
    flags: authority === undefined ? [] : ['--secret', `id=ca,src=${authority}`],
    works: async (image) => expect(await answer(image, 'node', 'server.js', 'version')).toBe('2d'),
  },
  nginx: {
    works: (image) =>
      running(image, [], async (container) => {
        const fetch = 'exec 3<>/dev/tcp/127.0.0.1/80; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3';
        return (await inside(container, 'bash', '-c', fetch)).stdout.includes('<h1>It is served</h1>');
      }),
  },
  wordpress: {
    works: async (image) => {
      expect(await answer(image, 'php-fpm8.2', '-t')).toBe('');
      expect(await answer(image, 'sh', '-c', 'ls wp-login.php')).toBe('wp-login.php');
    },
  },
  mariadb: {
    works: (image) =>
      running(
        image,
        ['-e', 'MYSQL_DATABASE=shop', '-e', 'MYSQL_USER=u', '-e', 'MYSQL_PASSWORD=p'],
        async (container) => {
          const query = ['mariadb', '-h127.0.0.1', '-uu', '-pp', '-Ne', 'SELECT 6 * 7', 'shop'];
          return (await inside(container, ...query)).stdout === '42\n';
        },
      ),
  },
  postgresql: {
    works: (image) =>
      running(image, ['-e', 'POSTGRES_PASSWORD=p'], async (container) => {
        const query = ['env', 'PGPASSWORD=p', 'psql', '-h', '127.0.0.1', '-U', 'postgres', '-Atc', 'SELECT 6 * 7'];
        return (await inside(container, ...query)).stdout === '42\n';
      }),
  },
};

interface Inspected {
  readonly Id: string;
  readonly Config: Readonly<Record<string, unknown>>;
  readonly RootFS: { readonly Layers: readonly string[] };
}

async function inspected(image: string): Promise<Inspected> {
  const [one] = JSON.parse(await engine.dockerOk('image', 'inspect', image)) as [Inspected];
  return one;
}

for (const [name, { flags = [], works }] of Object.entries(table)) {
  const context = join(examples, name);
  if (wanted === undefined) {
    test(`the example ${name} is without fault`, async () => {
      expect(await engine.estiba('build', '--check', ...flags, context)).toMatchObject({ code: 0 });
    });
    continue;
  }
  test(`the example ${name} is built through each door, and works`, async () => {
    const options = { timeoutMs: buildTimeoutMs };
    const own = await engine.estibaWith(options, 'build', '-t', `own-${name}`, ...flags, context);
    expect(own).toMatchObject({ code: 0 });
    const byBuildx = await engine.buildx('build', '-t', `buildx-${name}`, ...flags, context);
    expect(byBuildx).toMatchObject({ code: 0 });
    await works(`own-${name}`);
    // The same steps of the same files: not one is done twice.
    expect((await inspected(`buildx-${name}`)).RootFS).toEqual((await inspected(`own-${name}`)).RootFS);
    expect((await inspected(`buildx-${name}`)).Config).toEqual((await inspected(`own-${name}`)).Config);
    // The classic builder knows neither mounts nor here-documents.
    if ((await Bun.file(join(context, 'Dockerfile')).text()).match(/--mount|<</) !== null) return;
    const environment = { DOCKER_BUILDKIT: '0' };
    const classic = await engine.dockerWith({ environment, ...options }, 'build', '-t', `classic-${name}`, context);
    expect(classic).toMatchObject({ code: 0 });
    await works(`classic-${name}`);
  });
}
