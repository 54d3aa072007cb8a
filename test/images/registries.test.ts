/** Pull and push by the docker CLI against Debian's docker-registry. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { digestOf, mediaTypes } from '#oci';
import { configFor, tar } from '../../src/images/fixture.ts';
import {
  errorAnswer,
  type ScriptedAnswer,
  type ScriptedRegistry,
  type ScriptedRequest,
  startEngine,
  startRegistry,
  startScriptedRegistry,
  type TestEngine,
  type TestRegistry,
} from '../harness/index.ts';
import { digestAt, digestIn, putBlob, putImage, putManifest } from './published.ts';

setDefaultTimeout(60_000);

let engine: TestEngine;
let registry: TestRegistry;
let scripted: ScriptedRegistry;
let script: (request: ScriptedRequest) => ScriptedAnswer | undefined | Promise<ScriptedAnswer | undefined> = () =>
  undefined;

beforeAll(async () => {
  [engine, registry, scripted] = await Promise.all([
    startEngine({ arguments: ['--max-concurrent-uploads', '1', '--max-download-attempts', '2'] }),
    startRegistry(),
    startScriptedRegistry({ script: (request) => script(request) }),
  ]);
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await scripted[Symbol.asyncDispose]();
});

const idOf = (name: string): Promise<string> => engine.dockerOk('image', 'inspect', '-f', '{{.Id}}', name);

describe('push, and pull again', () => {
  test('an image of several layers: only what is missing is sent, and it comes back the same', async () => {
    const repository = `${registry.host}/team/app`;
    await engine.dockerOk('run', '--name', 'maker', 'busybox', 'sh', '-c', 'echo made > /made');
    await engine.dockerOk('commit', 'maker', `${repository}:2`);
    await engine.dockerOk('rm', 'maker');
    await engine.dockerOk('tag', 'busybox', `${repository}:1`);
    const first = await engine.dockerOk('push', `${repository}:1`);
    expect(first).toContain(`The push refers to repository [${repository}]`);
    expect(first.match(/: Pushed$/gm)).toHaveLength(1);
    const second = await engine.dockerOk('push', `${repository}:2`);
    expect([second.match(/: Pushed$/gm)?.length, second.match(/: Layer already exists$/gm)?.length]).toEqual([1, 1]);
    const digest = digestIn(second);
    expect(await digestAt(registry, 'team/app', '2')).toBe(digest);
    expect(digestIn(await engine.dockerOk('push', `${repository}:2`))).toBe(digest);
    await engine.dockerOk('tag', `${repository}:2`, `${registry.host}/other/name`);
    const mounted = await engine.dockerOk('push', `${registry.host}/other/name`);
    expect(mounted.match(/: Mounted from team\/app$/gm)).toHaveLength(2);
    expect([mounted.split('\n')[0], digestIn(mounted)]).toEqual(['Using default tag: latest', digest]);

    const id = await idOf(`${repository}:2`);
    expect(await engine.dockerOk('images', '--digests', '--format', '{{.Tag}} {{.Digest}}', repository)).toContain(
      `2 ${digest}`,
    );
    const digests = await engine.dockerOk('image', 'inspect', '-f', '{{json .RepoDigests}}', id);
    expect((JSON.parse(digests) as string[]).sort()).toEqual([
      `${registry.host}/other/name@${digest}`,
      `${repository}@${digest}`,
    ]);
    await engine.dockerOk('rmi', '-f', id);
    const pulled = await engine.dockerOk('pull', `${repository}:2`);
    expect(pulled.split('\n').slice(-3)).toEqual([
      `Digest: ${digest}`,
      `Status: Downloaded newer image for ${repository}:2`,
      `${repository}:2`,
    ]);
    expect(await idOf(`${repository}:2`)).toBe(id);
    expect(await engine.dockerOk('run', '--rm', `${repository}@${digest}`, 'cat', '/made')).toBe('made');
    expect(await engine.dockerOk('images', '-q', '--no-trunc', '--filter', `reference=${repository}@${digest}`)).toBe(
      id,
    );
    expect(await engine.dockerOk('rmi', `${repository}@${digest}`)).toBe(`Untagged: ${repository}@${digest}`);
    expect(await engine.dockerOk('pull', '-q', `${repository}:2`)).toBe(`${repository}:2`);
  });

  test('all tags both ways, quietly', async () => {
    const repository = `${registry.host}/many`;
    for (const tag of ['a', 'b']) await engine.dockerOk('tag', 'busybox', `${repository}:${tag}`);
    const pushed = await engine.dockerOk('push', '--all-tags', repository);
    expect(pushed.match(/^[ab]: digest: /gm)).toEqual(['a: digest: ', 'b: digest: ']);
    expect(await engine.dockerOk('push', '-q', `${repository}:b`)).toBe(`${repository}:b`);
    await engine.dockerOk('rmi', `${repository}:a`, `${repository}:b`);
    const pulled = await engine.dockerOk('pull', '--all-tags', repository);
    expect(pulled.split('\n').at(-1)).toBe(repository);
    expect((await engine.dockerOk('images', '--format', '{{.Tag}}', repository)).split('\n').sort()).toEqual([
      'a',
      'b',
    ]);
    expect(await engine.docker('push', `${repository}:none`)).toMatchObject({
      code: 1,
      stderr: `tag does not exist: ${repository}:none\n`,
    });
    expect(await engine.docker('push', `${registry.host}/never`)).toMatchObject({
      code: 1,
      stderr: `An image does not exist locally with the tag: ${registry.host}/never\n`,
    });
  });

  for (const kind of ['gzip', 'zstd', 'none', 'docker'] as const) {
    test(`what was pulled is pushed as it came: ${kind}`, async () => {
      const { digest, id } = await putImage(registry, `origin-${kind}`, kind, kind, 'x');
      const name = `${registry.host}/origin-${kind}:x`;
      await engine.dockerOk('pull', name);
      expect(await idOf(name)).toBe(id);
      await engine.dockerOk('tag', name, `${registry.host}/copy-${kind}:y`);
      expect(digestIn(await engine.dockerOk('push', `${registry.host}/copy-${kind}:y`))).toBe(digest);
      expect(await digestAt(registry, `copy-${kind}`, 'y')).toBe(digest);
    });
  }

  test('of an index the platform that is asked for; its manifest goes on alone, the index where it is whole', async () => {
    const own = await putImage(registry, 'index', 'own', 'gzip');
    const { id: otherId, ...other } = await putImage(registry, 'index', 'other', 'gzip', undefined, {
      architecture: 's390x',
    });
    const { id, ...mine } = own;
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const manifests = [
      { ...other, platform: { os: 'linux', architecture: 's390x' } },
      { ...mine, platform: { os: 'linux', architecture } },
    ];
    const index = await putManifest(
      registry,
      'index',
      { schemaVersion: 2, mediaType: mediaTypes.index, manifests },
      'x',
    );
    const name = `${registry.host}/index:x`;
    expect(digestIn(await engine.dockerOk('pull', name))).toBe(index.digest);
    expect(await idOf(name)).toBe(id);
    expect(digestIn(await engine.dockerOk('push', name))).toBe(index.digest);
    await engine.dockerOk('tag', name, `${registry.host}/alone:x`);
    expect(digestIn(await engine.dockerOk('push', `${registry.host}/alone:x`))).toBe(mine.digest);
    await engine.dockerOk('pull', '--platform', 'linux/s390x', name);
    expect(await idOf(name)).toBe(otherId);
    const refused = await engine.docker('pull', '--platform', 'linux/riscv64', name);
    expect(refused.stderr).toContain('no matching manifest for linux/riscv64 in the manifest list entries');
    const wrong = await engine.docker('push', '--platform', 'linux/riscv64', name);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('does not match the specified platform')]);
  });

  test('an artifact goes both ways, but does not run', async () => {
    const configType = 'application/vnd.cncf.helm.config.v1+json';
    const chart = { mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip' };
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: configType, ...(await putBlob(registry, 'chart', Buffer.from('{"name":"chart"}'))) },
      layers: [{ ...chart, ...(await putBlob(registry, 'chart', Buffer.from('no tar at all'))) }],
    };
    const { digest } = await putManifest(registry, 'chart', manifest, '1');
    const name = `${registry.host}/chart:1`;
    expect(digestIn(await engine.dockerOk('pull', name))).toBe(digest);
    await engine.dockerOk('tag', name, `${registry.host}/charts/copy:1`);
    expect(digestIn(await engine.dockerOk('push', `${registry.host}/charts/copy:1`))).toBe(digest);
    const ran = await engine.docker('run', '--rm', name, 'sh');
    expect([ran.code, ran.stderr]).toEqual([125, expect.stringContaining(configType)]);
  });

  test('a layer that only its maker distributes is fetched from there, and sent as any other', async () => {
    const plain = tar({ path: 'foreign', content: 'f' });
    const layer = gzipSync(plain);
    script = ({ path }) => (path === '/maker/layer' ? { body: layer } : undefined);
    const foreign = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: digestOf(layer),
      size: layer.length,
      urls: [`http://${scripted.host}/maker/layer`],
    };
    const config = configFor([plain]);
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifest,
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        digest: scripted.addBlob(config),
        size: config.length,
      },
      layers: [foreign],
    };
    const digest = scripted.addManifest(manifest, mediaTypes.dockerManifest, 'foreign');
    await engine.dockerOk('pull', `${scripted.host}/maker/image:foreign`);
    expect(scripted.requests.filter(({ path }) => path === '/maker/layer')).toHaveLength(1);
    await engine.dockerOk('tag', `${scripted.host}/maker/image:foreign`, `${registry.host}/taker:1`);
    const pushed = await engine.docker('push', `${registry.host}/taker:1`);
    expect([pushed.code, digestIn(pushed.stdout)]).toEqual([0, digest]);
    expect((await fetch(`${registry.url}/v2/taker/blobs/${foreign.digest}`, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('what fails in a push', () => {
  const target = (): string => `${scripted.host}/refusing`;
  const begins = ({ method, path }: ScriptedRequest): boolean => method === 'POST' && path.endsWith('/blobs/uploads/');
  /** A registry that has nothing, and takes nothing but by `answer`. */
  const having =
    (answer: typeof script): typeof script =>
    (request) =>
      request.path === '/v2/'
        ? undefined
        : (answer(request) ?? errorAnswer(404, 'BLOB_UNKNOWN', 'blob unknown to registry'));

  test('a refusal ends it at once, a failure after another try', async () => {
    await engine.dockerOk('tag', 'busybox', target());
    script = having((request) =>
      begins(request) ? errorAnswer(403, 'DENIED', 'requested access to the resource is denied') : undefined,
    );
    const count = (): number => scripted.requests.filter(begins).length;
    const before = count();
    const denied = await engine.docker('push', target());
    expect(denied).toMatchObject({ code: 1, stderr: 'denied: requested access to the resource is denied\n' });
    expect(count()).toBe(before + 1);
    script = having((request) => (begins(request) ? { status: 500, body: 'broken' } : undefined));
    const broken = await engine.docker('push', target());
    expect([broken.code, broken.stderr]).toEqual([1, expect.stringContaining('received unexpected HTTP status: 500')]);
    expect(broken.stdout).toMatch(/: Retrying in \d+ seconds?/);
    expect(count()).toBeGreaterThan(before + 2);
  });

  test('a client that goes away ends it', async () => {
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    script = having(async (request) => {
      if (!begins(request)) return undefined;
      begun.resolve();
      await ended.promise;
      return undefined;
    });
    await engine.dockerOk('tag', 'busybox', target());
    const client = Bun.spawn([engine.dockerCli, '-H', engine.host, 'push', target()], {
      stdout: 'ignore',
      stderr: 'ignore',
    });
    await begun.promise;
    client.kill('SIGKILL');
    await client.exited;
    // One layer is sent at once: this one waits for ever if that one is still on its way.
    await engine.dockerOk('tag', 'busybox', `${registry.host}/after:1`);
    await engine.dockerOk('push', `${registry.host}/after:1`);
    ended.resolve();
    script = () => undefined;
  });
});
