/** The client of registries with registries that break off, refuse, wait and lie. */
import { expect, test } from 'bun:test';
import { digestOf } from '#oci';
import { errorAnswer, type ScriptedAnswer, type ScriptedRequest, startScriptedRegistry } from '../harness/index.ts';
import { collect, describe, manifestOf, manifestType, openClient, pullFrom } from './client.ts';

const content = Buffer.from(Array.from({ length: 50_000 }, (_, index) => index % 251));
const blobUrl = /\/blobs\/sha256/;
type Script = (request: ScriptedRequest) => ScriptedAnswer | undefined;

/** A registry with one blob, about which it says what the script says. */
async function lying(script: Script) {
  const registry = await startScriptedRegistry({
    script: (request) =>
      blobUrl.test(request.path) || /\/manifests\//.test(request.path) ? script(request) : undefined,
  });
  registry.addBlob(content);
  return registry;
}

const ranges = (requests: readonly ScriptedRequest[]) =>
  requests.filter(({ path }) => blobUrl.test(path)).map(({ headers }) => headers.get('range'));

test('a blob that breaks off goes on where it was, and each wait is told of', async () => {
  const arrived = new Map([21_000, 41_000].map((at) => [at, Promise.withResolvers<void>()]));
  await using registry = await lying(({ count, headers }) => {
    const start = Number(/\d+/.exec(headers.get('range') ?? '')?.[0]);
    const given = { 'Content-Range': `bytes ${start}-${content.length - 1}/${content.length}` };
    const body = content.subarray(start);
    const breakWhen = arrived.get(start + 20_000)?.promise;
    if (breakWhen !== undefined) return { status: 206, headers: given, body, breakAfterBytes: 20_000, breakWhen };
    return count === 3 ? { status: 500 } : undefined;
  });
  const waits: number[] = [];
  const options = { offset: 1000, onRetry: (seconds: number) => waits.push(seconds) };
  const blob = pullFrom(openClient(), `${registry.host}/a`).blob(describe(content), options);
  const read = await collect(blob, (sizeBytes) => arrived.get(1000 + sizeBytes)?.resolve());
  expect(read).toEqual(content.subarray(1000));
  expect(ranges(registry.requests)).toEqual(['bytes=1000-', 'bytes=21000-', 'bytes=41000-', 'bytes=41000-']);
  expect(waits.length).toBe(3);
});

test('a registry that knows no Range sends all of it again, and what is there is passed over', async () => {
  await using registry = await lying(({ count }) => ({
    body: content,
    ...(count === 1 && { breakAfterBytes: 30_000 }),
  }));
  expect(await collect(pullFrom(openClient(), `${registry.host}/a`).blob(describe(content)))).toEqual(content);
  expect(registry.requests.filter(({ path }) => blobUrl.test(path)).length).toBe(2);
});

for (const [what, answer, words] of [
  [
    'too many bytes',
    { headers: { 'Transfer-Encoding': 'identity' }, body: Buffer.concat([content, content]) },
    'bytes',
  ],
  [
    'the wrong part',
    { status: 206, headers: { 'Content-Range': 'bytes 7-49999/50000' }, body: content },
    'bytes from 7',
  ],
  ['another size', { status: 206, headers: { 'Content-Range': 'bytes 5-9/10' }, body: 'xxxxx' }, 'has 10 bytes'],
  ['no such range', { status: 416 }, 'no more than 5'],
  ['a redirect to nowhere', { status: 307, headers: { Location: 'file:///etc/passwd' } }, 'a redirect to nowhere'],
] as const) {
  test(`a registry that answers a Range with ${what} is refused, and not asked again`, async () => {
    await using registry = await lying(() => answer);
    const reading = collect(pullFrom(openClient(), `${registry.host}/a`).blob(describe(content), { offset: 5 }));
    await expect(reading).rejects.toThrow(words);
    expect(ranges(registry.requests).length).toBe(1);
  });
}

test('a registry that sends nothing more is given up; one that drips is not', async () => {
  const short = content.subarray(0, 300);
  await using dripping = await startScriptedRegistry({
    script: ({ path }) => (blobUrl.test(path) ? { body: short, dripMs: 5, dripBytes: 4 } : undefined),
  });
  const patient = openClient({ idleMs: 20_000 });
  expect(await collect(pullFrom(patient, `${dripping.host}/a`).blob(describe(short)))).toEqual(short);
  await using silent = await lying(() => ({ body: content, breakAfterBytes: 10, hangs: true }));
  const hasty = openClient({ idleMs: 200, downloadAttempts: 2 });
  await expect(collect(pullFrom(hasty, `${silent.host}/a`).blob(describe(content)))).rejects.toThrow('Client.Timeout');
});

test('whoever goes away ends it at once, also while it waits', async () => {
  await using registry = await lying(() => ({ body: content, breakAfterBytes: 10, hangs: true }));
  const gone = new AbortController();
  const reading = pullFrom(openClient(), `${registry.host}/a`, gone.signal).blob(describe(content));
  const iterator = reading[Symbol.asyncIterator]();
  expect((await iterator.next()).done).toBe(false);
  gone.abort(new RangeError('gone'));
  await expect(iterator.next()).rejects.toThrow('gone');
});

test('errors that pass are waited out as the registry asks; those that do not are told of at once', async () => {
  const manifest = manifestOf(content);
  let trouble: ScriptedAnswer[] = [];
  await using registry = await lying(() => trouble.shift());
  const digest = registry.addManifest(manifest, manifestType, 'tag');
  const repository = pullFrom(openClient({ downloadAttempts: 3 }), `${registry.host}/a`);
  trouble = [{ status: 503 }, { ...errorAnswer(429, 'TOOMANYREQUESTS', 'slow down'), headers: { 'Retry-After': '0' } }];
  expect((await repository.manifest('tag')).descriptor.digest).toBe(digest);
  const limited = errorAnswer(429, 'TOOMANYREQUESTS', 'You have reached your pull rate limit.');
  trouble = [limited, limited, limited];
  await expect(repository.manifest('tag')).rejects.toMatchObject({
    kind: 'rate-limited',
    message: 'toomanyrequests: You have reached your pull rate limit.',
  });
  trouble = [{ status: 500 }, { status: 502 }, { status: 500, body: '<html>' }];
  await expect(repository.manifest('tag')).rejects.toThrow('received unexpected HTTP status: 500 Scripted');
  const before = registry.requests.length;
  trouble = [errorAnswer(403, 'DENIED', 'requested access to the resource is denied')];
  await expect(repository.manifest('tag')).rejects.toMatchObject({
    kind: 'not-found',
    message: `pull access denied for ${registry.host}/a, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
  });
  trouble = [{ status: 404, body: '<html>not here</html>' }];
  await expect(repository.manifest('tag')).rejects.toMatchObject({ kind: 'not-found' });
  expect(registry.requests.length).toBe(before + 2);
});

const other = manifestOf('another');
for (const [what, answer, words] of [
  [
    'another content',
    { body: other, headers: { 'Content-Type': manifestType } },
    'manifest verification failed for digest',
  ],
  [
    'a digest that is not its content’s',
    { body: manifestOf(content), headers: { 'Content-Type': manifestType, 'Docker-Content-Digest': digestOf('x') } },
    'manifest verification failed for digest',
  ],
  [
    'a page',
    { body: '<html>', headers: { 'Content-Type': 'text/html' } },
    'not a JSON object (content type text/html)',
  ],
  ['more than a manifest can be', { body: ' '.repeat(4 * 1024 * 1024 + 1) }, 'is larger than 4194304 bytes'],
  [
    'what is no manifest',
    { body: '{}', headers: { 'Content-Type': 'application/json' } },
    'unsupported manifest media type',
  ],
  [
    'an index that says it is a manifest',
    { body: manifestOf(content), headers: { 'Content-Type': 'application/vnd.oci.image.index.v1+json' } },
    'mismatched mediaType',
  ],
  ['a redirect to itself', { status: 302, headers: { Location: 'tag' } }, 'stopped after 10 redirects'],
] as const) {
  test(`a registry that gives ${what} in place of a manifest is refused`, async () => {
    await using registry = await lying(() => answer);
    const repository = pullFrom(openClient(), `${registry.host}/a`);
    const reference = what === 'another content' ? digestOf(manifestOf(content)) : 'tag';
    await expect(repository.manifest(reference)).rejects.toThrow(words);
  });
}

test('what is redirected elsewhere gets there without the password', async () => {
  await using storage = await startScriptedRegistry({ script: () => ({ body: content }) });
  await using registry = await lying(({ path, headers }) => {
    if (headers.get('authorization') === null)
      return { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } };
    return { status: 307, headers: { Location: `http://localhost:${storage.port}/elsewhere?signed=${path.length}` } };
  });
  const { signal } = new AbortController();
  const credentials = { username: 'me', password: 'secret' };
  const repository = openClient().repository(`${registry.host}/a`, { credentials, actions: 'pull', signal });
  expect(await collect(repository.blob(describe(content)))).toEqual(content);
  expect(storage.requests.map(({ headers }) => headers.get('authorization'))).toEqual([null]);
});

test('the server that a redirect led to may ask for a password, and gets none', async () => {
  const answers: ScriptedAnswer[] = [];
  await using thief = await startScriptedRegistry({ script: () => answers[0] });
  const realm = `http://${thief.host}/token`;
  answers.push({ status: 401, headers: { 'WWW-Authenticate': `Bearer realm="${realm}",service="x"` } });
  const Location = `http://localhost:${thief.port}/elsewhere`;
  await using registry = await startScriptedRegistry({ script: () => ({ status: 307, headers: { Location } }) });
  const { signal } = new AbortController();
  const credentials = { username: 'me', password: 'secret', serveraddress: registry.host };
  const client = openClient({ downloadAttempts: 1 });
  const repository = client.repository(`${registry.host}/a`, { credentials, actions: 'pull', signal });
  await expect(collect(repository.blob(describe(content)))).rejects.toThrow('unauthorized');
  await expect(repository.manifest('tag')).rejects.toThrow('unauthorized');
  await expect(client.login(credentials, signal)).rejects.toMatchObject({ kind: 'unauthorized' });
  expect(thief.requests.map(({ path }) => path)).not.toContain('/token');
  expect(thief.requests.filter(({ headers }) => headers.has('authorization'))).toEqual([]);
});

test('a list of tags that holds what is no tag is refused', async () => {
  await using registry = await startScriptedRegistry({
    script: ({ path }) => (path.endsWith('/tags/list') ? { body: '{"tags":["a","../../b"]}' } : undefined),
  });
  await expect(pullFrom(openClient(), `${registry.host}/a`).tags()).rejects.toThrow('what is no tag: "../../b"');
});
