import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { digestOf, encodedOf } from '#oci';
import { configFor, tar } from '../../src/images/fixture.ts';
import {
  type ScriptedAnswer,
  type ScriptedRegistry,
  type ScriptedRequest,
  startEngine,
  startScriptedRegistry,
  startScriptedServer,
  type TestEngine,
  until,
} from '../harness/index.ts';
import { imageProblems, readRecords } from './wholeness.ts';
import { zeroLayer } from './zeroes.ts';

let engine: TestEngine;
let registry: ScriptedRegistry;
/** What the registry says in place of the truth. */
let lie: (request: ScriptedRequest) => ScriptedAnswer | undefined = () => undefined;

beforeAll(async () => {
  engine = await startEngine({ arguments: ['--max-download-attempts', '1'] });
  registry = await startScriptedRegistry({ script: (request) => lie(request) });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';

interface Made {
  readonly layer: string;
  readonly config: string;
  readonly manifest: string;
  readonly blob: Buffer;
}

/** Puts an image of one layer into the registry. */
function make(tag: string, options: { blob?: Buffer; config?: Buffer; layers?: number } = {}): Made {
  const plain = tar({ path: 'random', content: randomBytes(2_000_000) }, { path: 'tag', content: tag });
  const blob = options.blob ?? gzipSync(plain, { level: 1 });
  const diffId = digestOf(plain);
  const rootfs = { type: 'layers', diff_ids: Array.from({ length: options.layers ?? 1 }, () => diffId) };
  const content = options.config ?? configFor([], { rootfs });
  const layer = registry.addBlob(blob);
  const config = registry.addBlob(content);
  const descriptor = { mediaType: layerType, digest: layer, size: blob.length };
  const image = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config, size: content.length },
    layers: Array.from({ length: options.layers ?? 1 }, () => descriptor),
  };
  return { layer, config, blob, manifest: registry.addManifest(image, manifestType, tag) };
}

const pull = (tag: string) => engine.docker('pull', `${registry.host}/lies:${tag}`);

/** What is wrong or left, once what goes on in the background is done. */
async function problems(): Promise<string[]> {
  let last: string[] = [];
  await until('nothing to be left', async () => {
    last = await imageProblems(engine.dataRoot);
    return last.length === 0;
  }).catch(() => undefined);
  return last;
}

const to = (digest: string, answer: ScriptedAnswer) => (request: ScriptedRequest) =>
  request.path.endsWith(digest) ? answer : undefined;

/** Wants a token of this realm for the tag; its own token server knows only the way to itself. */
function askForToken(tag: string, realm: string): void {
  make(tag);
  const headers = { 'WWW-Authenticate': `Bearer realm="${realm}",service="s"` };
  lie = ({ path }) => {
    if (path === '/token') return { status: 302, headers: { Location: '/token' } };
    return path.endsWith(`manifests/${tag}`) ? { status: 401, headers } : undefined;
  };
}

/** Each sets up its lie under a tag. */
const lies: Readonly<Record<string, (tag: string) => void>> = {
  'a layer with another content': (tag) => {
    const { layer, blob } = make(tag);
    const other = Buffer.from(blob);
    other[other.length - 20] = (other[other.length - 20] ?? 0) ^ 1;
    lie = to(layer, { body: other });
  },
  'a layer that does not unpack': (tag) => void make(tag, { blob: Buffer.from('this is no tar at all, nor gzip') }),
  'a layer that is not the one of the configuration': (tag) =>
    void make(tag, { config: configFor([tar({ path: 'other' })]) }),
  'a configuration with another content': (tag) => {
    lie = to(make(tag).config, { body: configFor([tar({ path: 'other' })]) });
  },
  'redirects in a circle': (tag) => {
    const { layer } = make(tag);
    lie = to(layer, { status: 307, headers: { Location: `/v2/lies/blobs/${layer}` } });
  },
  'nothing but 500': (tag) => {
    lie = to(make(tag).layer, { status: 500, body: 'out of order' });
  },
  'a redirect to where a cloud tells its secrets': (tag) => {
    lie = to(make(tag).layer, { status: 302, headers: { Location: 'http://169.254.169.254/latest/meta-data' } });
  },
  'a redirect to a file': (tag) => {
    lie = to(make(tag).layer, { status: 307, headers: { Location: 'file:///etc/passwd' } });
  },
  'a file as its token server': (tag) => askForToken(tag, 'file:///etc/passwd'),
  'a token server where a cloud tells its secrets': (tag) =>
    askForToken(tag, 'http://169.254.169.254/latest/meta-data'),
  'a token server that sends in a circle': (tag) => askForToken(tag, `http://${registry.host}/token`),
  'a page in place of a manifest': (tag) => {
    lie = to(`manifests/${tag}`, { headers: { 'Content-Type': 'text/html' }, body: '<html>sign in</html>' });
  },
  'a manifest of 100 MB': (tag) => {
    const body = Buffer.alloc(100_000_000, ' ');
    lie = to(`manifests/${tag}`, { headers: { 'Content-Type': manifestType }, body });
  },
  'indexes of indexes of indexes': (tag) => {
    let { manifest: digest } = make(`${tag}-inner`);
    let mediaType = manifestType;
    for (let depth = 0; depth < 50; depth += 1) {
      const entry = { mediaType, digest, size: 500, platform: { os: 'linux', architecture: 'amd64' } };
      const index = { schemaVersion: 2, mediaType: indexType, annotations: { depth: `${depth}` }, manifests: [entry] };
      digest = registry.addManifest(index, indexType, tag);
      mediaType = indexType;
    }
  },
  'an image of 10,000 layers': (tag) => void make(tag, { layers: 10_000 }),
};

test.each(Object.keys(lies))(
  'docker pull from a registry that gives %s fails, and no image, layer or blob of it stays',
  async (what) => {
    const before = await engine.dockerOk('images', '-aq');
    const tag = `t${Object.keys(lies).indexOf(what)}`;
    lies[what]?.(tag);
    const { code, stderr, stdout } = await pull(tag);
    lie = () => undefined;
    expect([what, code, stderr.length > 10, stdout.includes('Status:')]).toEqual([what, 1, true, false]);
    expect(await engine.dockerOk('images', '-aq')).toBe(before);
    expect(await problems()).toEqual([]);
    expect(readdirSync(join(engine.dataRoot, 'blobs/partial'))).toEqual([]);
    // What an image says of a layer is not believed by a push of another.
    const sources = readRecords(join(engine.dataRoot, 'records.db')).of('blob-sources');
    expect(sources.map(({ diffId }) => diffId).filter((diffId) => diffId !== '')).toEqual([]);
  },
  60_000,
);

test('kill -9 in the midst of a pull: the next one asks for the rest alone; what is damaged there is fetched anew', async () => {
  const { layer, blob } = make('resumed');
  const place = join(engine.dataRoot, 'blobs/partial', encodedOf(layer));
  const asked = (): (string | null)[] =>
    registry.requests.filter(({ path }) => path.endsWith(layer)).map(({ headers }) => headers.get('range'));
  const breakOff = async (): Promise<number> => {
    lie = to(layer, { body: blob, breakAfterBytes: 1_000_000, hangs: true });
    const pulling = pull('resumed');
    await until('half of it', () => existsSync(place) && statSync(place).size >= 900_000, 30_000);
    await engine.kill();
    expect((await pulling).code).toBe(1);
    lie = () => undefined;
    const { size } = statSync(place);
    await engine.start();
    expect(await problems()).toEqual([]);
    return size;
  };
  const size = await breakOff();
  expect((await pull('resumed')).code).toBe(0);
  expect(asked()).toEqual([null, `bytes=${size}-`]);
  expect([await problems(), existsSync(place)]).toEqual([[], false]);

  await engine.dockerOk('rmi', `${registry.host}/lies:resumed`);
  await until('its removal', async () => (await problems()).length === 0);
  writeFileSync(place, randomBytes(500_000));
  const first = await pull('resumed');
  if (first.code !== 0) expect((await pull('resumed')).code).toBe(0);
  expect([await problems(), existsSync(place)]).toEqual([[], false]);
}, 120_000);

test('a registry whose blobs end too early, or drip: what came stays, whoever gives up is let go, and the next pull has the rest', async () => {
  const { layer, blob } = make('slow');
  const place = join(engine.dataRoot, 'blobs/partial', encodedOf(layer));
  lie = to(layer, { body: blob, breakAfterBytes: 1_000_000, claimedBytes: blob.length });
  const short = await pull('slow');
  expect([short.code, short.stderr, await problems()]).toEqual([1, expect.stringContaining('EOF'), []]);

  let begun = 0;
  lie = ({ path, headers }) => {
    if (!path.endsWith(layer)) return undefined;
    begun = Number(/^bytes=(\d+)-$/.exec(headers.get('range') ?? '')?.[1] ?? 0);
    const given = { 'Content-Range': `bytes ${begun}-${blob.length - 1}/${blob.length}` };
    return { status: begun > 0 ? 206 : 200, headers: given, body: blob.subarray(begun), dripMs: 2, dripBytes: 10 };
  };
  const giveUp = new AbortController();
  const url = `http://localhost/images/create?fromImage=${registry.host}/lies&tag=slow`;
  const pulling = fetch(url, { unix: engine.socket, method: 'POST', signal: giveUp.signal })
    .then((answer) => answer.text())
    .catch(() => 'given up');
  await until('some of it', () => existsSync(place) && statSync(place).size > begun + 100, 30_000);
  giveUp.abort();
  expect(await pulling).toBe('given up');
  lie = () => undefined;
  expect((await pull('slow')).code).toBe(0);
  expect(await problems()).toEqual([]);
}, 60_000);

test('a server that a registry redirects to is not told the password, nor decides who is', async () => {
  await using evil = await startScriptedServer(() => ({
    status: 401,
    headers: { 'WWW-Authenticate': `Bearer realm="http://${evil.host}/token",service="evil"` },
  }));
  const { layer } = make('secret');
  lie = ({ path, headers }) => {
    if (headers.get('authorization') === null)
      return { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="ours"' } };
    const location = `http://${evil.host}/blob`;
    return path.endsWith(layer) ? { status: 307, headers: { Location: location } } : undefined;
  };
  const auth = Buffer.from('somebody:secret').toString('base64');
  const config = join(engine.root, 'secret');
  mkdirSync(config);
  writeFileSync(join(config, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  const { code } = await engine.docker('--config', config, 'pull', `${registry.host}/lies:secret`);
  lie = () => undefined;
  expect(code).toBe(1);
  expect(evil.requests.map(({ path, headers }) => [path, headers.get('authorization')])).toEqual([['/blob', null]]);
  expect(await problems()).toEqual([]);
}, 60_000);

test('a layer of half a gibibyte of zeroes in half a megabyte takes neither memory nor disk', async () => {
  const peak = (): number => {
    const status = readFileSync(`/proc/${engine.pid()}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  };
  make('zeroes', zeroLayer(512));
  const before = peak();
  const { code, stderr } = await pull('zeroes');
  expect([code, stderr]).toEqual([0, '']);
  expect(peak() - before).toBeLessThan(150);
  const used = await Bun.$`du -sm ${engine.dataRoot}`.text();
  expect(Number.parseInt(used, 10)).toBeLessThan(200);
}, 120_000);
