import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestOf } from '#oci';
import { dockerArchive, type ImagesFixture, openFixture, streamOf, tar } from './fixture.ts';

let fixture: ImagesFixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture[Symbol.asyncDispose]());

const none = { force: false, noPrune: false };
const nothing = { layers: [], blobs: [], others: [] };

describe('import', () => {
  test('makes an image of one layer with the changes applied', async () => {
    const id = await fixture.importTar('my/app:1', undefined, [
      'CMD ["a", "b"]',
      'ENV A=b "C=d e"',
      'env OLD the rest of it',
      'EXPOSE 80 90/udp',
      'VOLUME /v',
      'LABEL x="y z"',
      'WORKDIR /w',
      'WORKDIR sub',
      'USER u:g',
      'HEALTHCHECK --interval=1m30s --retries=2 CMD true',
      'ONBUILD RUN x',
      'STOPSIGNAL SIGINT',
      'ENTRYPOINT e f',
    ]);
    const inspected = fixture.images.inspect('my/app:1');
    expect(inspected).toMatchObject({
      Id: id,
      RepoTags: ['my/app:1'],
      RepoDigests: [],
      Comment: 'Imported from -',
      Size: 1,
      Os: 'linux',
      Config: {
        Cmd: ['a', 'b'],
        Entrypoint: ['/bin/sh', '-c', 'e f'],
        Env: ['A=b', 'C=d e', 'OLD=the rest of it'],
        ExposedPorts: { '80/tcp': {}, '90/udp': {} },
        Volumes: { '/v': {} },
        Labels: { x: 'y z' },
        WorkingDir: '/w/sub',
        User: 'u:g',
        Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 90e9, Retries: 2 },
        OnBuild: ['RUN x'],
        StopSignal: 'SIGINT',
      },
      GraphDriver: { Name: 'overlay2' },
    });
    expect(inspected.RootFS.Layers).toEqual([digestOf(tar({ path: 'file', content: 'x' }))]);
    expect(fixture.events()).toEqual(['tag my/app:1', `import ${id}`]);
    expect(fixture.images.history(id)).toMatchObject([
      { Id: id, Tags: ['my/app:1'], Size: 1, Comment: 'Imported from -' },
    ]);
  });

  const plain = tar({ path: 'file', content: 'content'.repeat(10_000) });
  test.each([
    ['gzip', () => gzipSync(plain)],
    ['zstd', () => zstdCompressSync(plain)],
    ['bzip2', () => Bun.spawnSync(['bzip2', '-c'], { stdin: plain }).stdout],
    ['xz', () => Bun.spawnSync(['xz', '-c'], { stdin: plain }).stdout],
  ] as const)('takes %s, and tells a damaged one from a whole', async (_name, compress) => {
    const compressed = compress();
    const changes: string[] = [];
    const id = await fixture.images.import({ body: streamOf(compressed, 100), changes });
    expect(fixture.images.inspect(id).RootFS.Layers).toEqual([digestOf(plain)]);
    const body = streamOf(compressed.subarray(0, compressed.length - 20), 100);
    await expect(fixture.images.import({ body, changes })).rejects.toMatchObject({ kind: 'invalid-argument' });
    await fixture.images.remove(id, none);
    expect(await fixture.leftOnDisk()).toEqual(nothing);
  });

  test.each([
    [{ changes: ['FOO bar'] }, 'FOO is not a valid change command'],
    [{ repository: 'Bad', changes: [] }, 'must be lowercase'],
    [{ repository: 'x', tag: 'b@d', changes: [] }, 'invalid tag format'],
    [{ changes: ['EXPOSE 99999'] }, 'invalid containerPort: 99999'],
    [{ changes: [], platform: 'a/b/c/d' }, 'cannot parse platform specifier'],
  ])('%j is refused before the body is read', async (request, message) => {
    let isRead = false;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          isRead = true;
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    await expect(fixture.images.import({ body, ...request })).rejects.toThrow(message);
    expect(isRead).toBe(false);
  });

  test('a body that is no tar, is empty, or breaks off leaves nothing behind', async () => {
    const half = tar({ path: 'big', content: 'x'.repeat(100_000) }).subarray(0, 50_000);
    const broken = streamOf(half, 10_000, new Error('connection reset'));
    const bodies = [streamOf(Buffer.from('hi\n')), streamOf(Buffer.alloc(0)), broken];
    for (const body of bodies) await expect(fixture.images.import({ body, changes: [] })).rejects.toThrow();
    expect(await fixture.leftOnDisk()).toEqual(nothing);
    expect(fixture.list()).toEqual([]);
  });

  test('a full disk is an error to the caller, and no more', async () => {
    // Of which the records take eight at once.
    await using small = await openFixture(11 * 1024 * 1024);
    const incompressible = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)));
    const parts = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ path: `file-${index}`, content: incompressible }));
    const archive = dockerArchive([tar(...parts(80))], ['big:1']);
    await expect(small.importTar('big', parts(80))).rejects.toMatchObject({ kind: 'exhausted' });
    await expect(small.load(archive)).rejects.toMatchObject({ kind: 'exhausted' });
    expect(await small.leftOnDisk()).toEqual(nothing);
    await small.importTar('small', parts(2));
    expect(small.list()).toEqual(['small:latest']);
  });
});

describe('import from the web', () => {
  const from = async (source: string): Promise<string[]> => {
    const { signal } = new AbortController();
    const lines: string[] = [];
    for await (const { status = '' } of await fixture.images.importRemote({
      source,
      signal,
      changes: [],
      repository: 'web',
    }))
      if (status !== lines.at(-1)) lines.push(status);
    return lines;
  };

  test('tells how far it is, and says where the image is from', async () => {
    await using server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ url }) =>
        url.endsWith('/ok.tar')
          ? new Response(tar({ path: 'a' }))
          : new Response(url.endsWith('/bad') ? 'x' : 'gone', { status: url.endsWith('/bad') ? 200 : 404 }),
    });
    const host = `127.0.0.1:${server.port}`;
    const lines = await from(`${host}/ok.tar`);
    const { Id, Comment } = fixture.images.inspect('web');
    expect(lines).toEqual([`Downloading from http://${host}/ok.tar`, 'Importing', Id]);
    expect(Comment).toBe(`Imported from ${host}/ok.tar`);
    await expect(from(`http://${host}/no`)).rejects.toThrow(
      `failed to GET http://${host}/no with status 404 Not Found: gone`,
    );
    await expect(from(`http://${host}/bad`)).rejects.toThrow('unexpected');
    await server.stop(true);
    const refused = `Get "http://${host}/ok.tar": dial tcp ${host}: connect: connection refused`;
    await expect(from(`http://${host}/ok.tar`)).rejects.toThrow(refused);
  });

  test('a source that is none is refused before anything is asked', async () => {
    const refusals: [source: string, message: string][] = [
      ['', 'Get "http:": http: no Host in request URL'],
      ['\u0000', 'parse "http://\\x00": net/url: invalid control character in URL'],
      [' ', 'parse "http:// ": invalid character " " in host name'],
      ['ftp://x/y', 'Get "ftp://x/y": unsupported protocol scheme "ftp"'],
    ];
    for (const [source, message] of refusals) {
      await expect(from(source)).rejects.toMatchObject({ kind: 'invalid-argument', message });
    }
  });
});
