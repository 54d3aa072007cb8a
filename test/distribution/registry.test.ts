/** The client of registries with Debian's registry: all that it can be asked for, with and without passwords. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { Repository } from '#distribution';
import { digestOf } from '#oci';
import { startRegistry, type TestRegistry } from '../harness/index.ts';
import { collect, describe, manifestOf, manifestType, openClient, pieces, pullFrom } from './client.ts';

const user = { name: 'somebody', password: 'a secret: with colons' };
const credentials = { username: user.name, password: user.password };
const { signal } = new AbortController();
const client = openClient();
const content = Buffer.alloc(300_000, 'what a layer holds, more or less ');
let registry: TestRegistry;
let repository: Repository;

beforeAll(async () => {
  registry = await startRegistry({ user });
  repository = client.repository(`${registry.host}/some/where`, { credentials, actions: 'push', signal });
});
afterAll(() => registry[Symbol.asyncDispose]());

async function* open(): AsyncIterable<Uint8Array> {
  yield* pieces(content);
}

test('a blob is sent whole when its digest is known and in a stream when it is not, and read from anywhere on', async () => {
  const { digest } = describe(content);
  expect(await repository.headBlob(digest)).toBeUndefined();
  expect(await repository.uploadBlob({ digest, sizeBytes: content.length, open })).toEqual({
    digest,
    sizeBytes: content.length,
  });
  const streamed = Buffer.from('{}');
  const sent = await repository.uploadBlob({
    async *open() {
      yield streamed;
    },
  });
  expect(sent).toEqual({ digest: digestOf('{}'), sizeBytes: 2 });
  expect(await repository.headBlob(digest)).toEqual({ sizeBytes: content.length });
  expect(await collect(repository.blob(describe(content)))).toEqual(content);
  expect(await collect(repository.blob(describe(content), { offset: 99_999 }))).toEqual(content.subarray(99_999));
});

test('a blob is taken over from another repository of the registry', async () => {
  const other = client.repository(`${registry.host}/else/where`, { credentials, actions: 'push', signal });
  const { digest } = describe(content);
  expect(await other.mountBlob(digestOf('of nothing'), 'some/where')).toBe(false);
  expect(await other.mountBlob(digest, 'some/where')).toBe(true);
  expect(await other.headBlob(digest)).toEqual({ sizeBytes: content.length });
});

test('manifests go by tag and digest; tags are listed over pages; what is deleted is gone', async () => {
  const text = manifestOf(content);
  for (const tag of ['a', 'b', 'c']) await repository.putManifest(tag, manifestType, Buffer.from(text));
  expect((await repository.tags()).sort()).toEqual(['a', 'b', 'c']);
  const descriptor = { mediaType: manifestType, digest: digestOf(text), size: text.length };
  for (const reference of ['a', descriptor.digest]) {
    const fetched = await repository.manifest(reference);
    expect(fetched.descriptor).toEqual(descriptor);
    expect(Buffer.from(fetched.content).toString()).toBe(text);
    expect(await repository.headManifest(reference)).toEqual(descriptor);
  }
  // This registry has no referrers API, and no tag stands for it.
  expect(await repository.referrers(descriptor.digest)).toEqual([]);
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [descriptor] };
  const tag = descriptor.digest.replace(':', '-');
  await repository.putManifest(tag, index.mediaType, Buffer.from(JSON.stringify(index)));
  expect(await repository.referrers(descriptor.digest)).toEqual([descriptor]);
  await repository.deleteManifest(descriptor.digest);
  expect(await repository.headManifest('a')).toBeUndefined();
  await repository.deleteBlob(digestOf('{}'));
  expect(await repository.headBlob(digestOf('{}'))).toBeUndefined();
});

test('what is not there, and who is not let in, is told of in the words that Docker uses', async () => {
  await expect(repository.manifest('nowhere')).rejects.toMatchObject({
    kind: 'not-found',
    message: `manifest for ${registry.host}/some/where:nowhere not found: manifest unknown: manifest unknown`,
  });
  await expect(pullFrom(client, `${registry.host}/some/where`).manifest('a')).rejects.toMatchObject({
    kind: 'internal',
    message: `Get "${registry.url}/v2/some/where/manifests/a": no basic auth credentials`,
  });
  const stranger = { username: user.name, password: 'wrong' };
  const asked = client.repository(`${registry.host}/some/where`, { credentials: stranger, actions: 'pull', signal });
  await expect(asked.manifest('a')).rejects.toMatchObject({
    kind: 'unauthorized',
    message: 'unauthorized: authentication required',
  });
  const wrong = repository.uploadBlob({ digest: digestOf('other'), sizeBytes: content.length, open });
  await expect(wrong).rejects.toThrow('digest invalid: provided digest did not match uploaded content');
});

test('what a source fails with is told of as it is, and it is closed', async () => {
  let closed = 0;
  const failing = repository.uploadBlob({
    async *open() {
      try {
        yield content;
        throw new RangeError('the disk is gone');
      } finally {
        closed += 1;
      }
    },
  });
  await expect(failing).rejects.toThrow('the disk is gone');
  expect(closed).toBe(1);
});
