import { afterAll, expect, test } from 'bun:test';
import { connect } from 'node:net';
import { mediaTypes } from '#oci';
import { bytes, describe, digest, imageIndex, imageManifest, startTestRegistry } from './testing/client.ts';
import { fill, type Row, sample, tableOf } from './testing/table.ts';

/**
 * The distribution specification 1.1, its chapter on pushing, in the same way as `conformance.test.ts`.
 */
const started = startTestRegistry();
const { client } = started;
const rows = tableOf(client);
const { config, layer, manifest, named, absent } = sample;
afterAll(() => started[Symbol.asyncDispose]());

test('push: blobs at once, in a stream and in chunks', async () => {
  const name = digest(layer);
  const put = async () => `${await client.startUpload('push/b')}?digest=${name}`;
  const created = { Location: `/v2/push/b/blobs/${name}`, 'Docker-Content-Digest': name };
  const octets = { 'Content-Type': 'application/octet-stream' };
  const empty = digest('');
  await rows(
    { request: ['POST', `push/b/blobs/uploads/?digest=${name}`, layer, octets], status: 201, headers: created },
    { request: ['PUT', await put(), layer, octets], status: 201, headers: created },
    { request: ['PUT', `${await client.startUpload('push/b')}?digest=${empty}`], status: 201 },
    { request: ['GET', `push/b/blobs/${empty}`], status: 200, text: '', headers: { 'Content-Length': '0' } },
    { request: ['POST', `push/b/blobs/uploads/?digest=${digest(layer, 'sha512')}`, layer], status: 201 },
    { request: ['GET', `push/b/blobs/${digest(layer, 'sha512')}`], status: 200, text: layer },
    // The wrong digest: nothing is stored, and the upload is gone.
    { request: ['PUT', (await put()).replace(name, absent), layer], status: 400, code: 'DIGEST_INVALID' },
    { request: ['POST', `push/b/blobs/uploads/?digest=${absent}`, layer], status: 400, code: 'DIGEST_INVALID' },
    { request: ['GET', `push/b/blobs/${absent}`], status: 404, code: 'BLOB_UNKNOWN' },
    { request: ['PUT', await client.startUpload('push/b'), layer], status: 400, code: 'DIGEST_INVALID' },
    {
      request: ['PUT', `${await client.startUpload('push/b')}?digest=sha256:1`, layer],
      status: 400,
      code: 'DIGEST_INVALID',
    },
    { request: ['POST', 'PUSH/blobs/uploads/'], status: 400, code: 'NAME_INVALID' },
    { request: ['PATCH', 'push/b/blobs/uploads/nothing', layer], status: 404, code: 'BLOB_UPLOAD_UNKNOWN' },
    { request: ['PUT', `push/b/blobs/uploads/nothing?digest=${name}`], status: 404, code: 'BLOB_UPLOAD_UNKNOWN' },
  );
  const location = await client.startUpload('push/c');
  const range = (text: string) => ({ 'Content-Range': text, ...octets });
  const offset = (text: string) => ({ Location: location, Range: text });
  await rows(
    { request: ['GET', location], status: 204, headers: offset('0-0') },
    { request: ['PATCH', location, layer.slice(0, 5), range('0-4')], status: 202, headers: offset('0-4') },
    { request: ['GET', location], status: 204, headers: offset('0-4') },
    // Out of order, twice, and with a range that is not what is sent.
    {
      request: ['PATCH', location, layer.slice(7), range('7-20')],
      status: 416,
      code: 'RANGE_INVALID',
      headers: offset('0-4'),
    },
    {
      request: ['PATCH', location, layer.slice(0, 5), range('0-4')],
      status: 416,
      code: 'RANGE_INVALID',
      headers: offset('0-4'),
    },
    { request: ['PATCH', location, layer.slice(5, 9), range('5-11')], status: 400, code: 'SIZE_INVALID' },
    { request: ['PATCH', location, layer.slice(5, 9), range('nonsense')], status: 400, code: 'BLOB_UPLOAD_INVALID' },
    { request: ['PATCH', location, layer.slice(5, 9), range('9-5')], status: 400, code: 'BLOB_UPLOAD_INVALID' },
    { request: ['PATCH', location, layer.slice(5, 9)], status: 202, headers: offset('0-8') },
    { request: ['PATCH', location.replace('push/c', 'push/b'), layer], status: 404, code: 'BLOB_UPLOAD_UNKNOWN' },
    {
      request: ['PUT', `${location}?digest=${name}`, layer.slice(8), range('8-20')],
      status: 416,
      code: 'RANGE_INVALID',
    },
    { request: ['PUT', `${location}?digest=${name}`, layer.slice(9), range('9-20')], status: 201 },
    { request: ['GET', `push/c/blobs/${name}`], status: 200, text: layer },
    { request: ['GET', location], status: 404, code: 'BLOB_UPLOAD_UNKNOWN' },
  );
  const cancelled = await client.startUpload('push/c');
  await rows(
    { request: ['DELETE', cancelled], status: 204 },
    { request: ['DELETE', cancelled], status: 404, code: 'BLOB_UPLOAD_UNKNOWN' },
    { request: ['PATCH', cancelled, layer], status: 404, code: 'BLOB_UPLOAD_UNKNOWN' },
  );
});

test('push: a blob that another repository has is mounted', async () => {
  await client.pushBlob('mount/from', layer);
  const [name, elsewhere] = [digest(layer), { Location: `/v2/mount/to/blobs/${digest(layer)}` }];
  const begin = (query: string): Row['request'] => ['POST', `mount/to/blobs/uploads/?${query}`];
  await rows(
    { request: begin(`mount=${name}&from=mount/nobody`), status: 202 },
    { request: begin(`mount=${absent}&from=mount/from`), status: 202 },
    { request: begin('mount=rubbish&from=mount/from'), status: 202 },
    { request: ['GET', `mount/to/blobs/${name}`], status: 404, code: 'BLOB_UNKNOWN' },
    { request: begin(`mount=${name}&from=mount/from`), status: 201, headers: elsewhere },
    { request: ['GET', `mount/to/blobs/${name}`], status: 200, text: layer },
    { request: ['POST', `mount/third/blobs/uploads/?mount=${name}`], status: 201 },
    { request: ['HEAD', `mount/third/blobs/${name}`], status: 200 },
  );
});

test('push: manifests are taken when all that they name is there', async () => {
  await fill(client, 'push/m');
  const put = (
    reference: string,
    content: string,
    header: string | undefined = mediaTypes.manifest,
  ): Row['request'] => [
    'PUT',
    `push/m/manifests/${reference}`,
    content,
    header === undefined ? {} : { 'Content-Type': header },
  ];
  const bad = (content: string, header?: string): Row => ({
    request: put('bad', content, header),
    status: 400,
    code: 'MANIFEST_INVALID',
  });
  const created = { 'Docker-Content-Digest': named, Location: `/v2/push/m/manifests/${named}`, 'OCI-Subject': null };
  const docker = manifest.replace(mediaTypes.manifest, mediaTypes.dockerManifest);
  const foreign = {
    ...describe('far', 'application/vnd.oci.image.layer.nondistributable.v1.tar'),
    urls: ['https://far.test/l'],
  };
  const wrongSize = manifest.replace(`"size":${layer.length}`, `"size":${layer.length + 1}`);
  const padded = `${manifest.slice(0, -1)},"annotations":{"a":"${'x'.repeat(4 * 1024 * 1024)}"}}`;
  await rows(
    { request: put('v1', manifest), status: 201, headers: created },
    { request: put('v1', manifest), status: 201, headers: created },
    { request: put(named, manifest), status: 201, headers: created },
    { request: put(digest(manifest, 'sha512'), manifest), status: 201 },
    { request: ['GET', `push/m/manifests/${digest(manifest, 'sha512')}`], status: 200, text: manifest },
    { request: put('docker', docker, mediaTypes.dockerManifest), status: 201 },
    { request: put('index', imageIndex([manifest, docker]), mediaTypes.index), status: 201 },
    { request: put('empty', imageIndex([]), mediaTypes.index), status: 201 },
    { request: put('foreign', imageManifest(config, [], { layers: [foreign] })), status: 201 },
    { request: put(absent, manifest), status: 400, code: 'DIGEST_INVALID' },
    { request: put('bad', imageManifest(config, ['missing'])), status: 404, code: 'MANIFEST_BLOB_UNKNOWN' },
    { request: put('bad', imageManifest('missing', [layer])), status: 404, code: 'MANIFEST_BLOB_UNKNOWN' },
    { request: put('bad', imageIndex(['missing']), mediaTypes.index), status: 404, code: 'MANIFEST_BLOB_UNKNOWN' },
    { request: put('bad', padded), status: 413, code: 'SIZE_INVALID' },
    { request: put('-bad', manifest), status: 400, code: 'TAG_INVALID' },
    { request: put('t'.repeat(129), manifest), status: 400, code: 'TAG_INVALID' },
    ...[wrongSize, '', '[]', 'null', '{', '{}', '\u0000', '{"schemaVersion":2}', '"text"'].map((content) =>
      bad(content),
    ),
    bad(manifest, mediaTypes.index),
    bad(manifest, 'text/plain'),
    bad('{"schemaVersion":1}', 'application/vnd.docker.distribution.manifest.v1+prettyjws'),
    bad(manifest.replace('"schemaVersion":2', '"schemaVersion":3')),
    bad(imageManifest(config, [], { layers: {} })),
    bad(imageManifest(config, [], { layers: [null] })),
    bad(imageManifest(config, [], { subject: 'x' })),
    bad(imageManifest(config, [], { annotations: { a: 1 } })),
    bad(manifest.replace(digest(layer), 'sha256:../../../etc/passwd')),
    { request: ['GET', 'push/m/manifests/bad'], status: 404, code: 'MANIFEST_UNKNOWN' },
  );
});

test('a push whose connection is dead is taken over by another, and goes on where it was', async () => {
  const content = bytes('0123456789'.repeat(300_000));
  const location = await client.startUpload('push/resumed');
  const { hostname, port } = new URL(started.registry.url);
  // It promises all of it, sends a part, and is never heard of again.
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: ${content.length}\r\n\r\n`);
  socket.write(content.subarray(0, 2_000_000));
  const offsetIn = (answer: Response): number => {
    const last = Number(answer.headers.get('Range')?.split('-')[1]);
    return last === 0 ? 0 : last + 1;
  };
  const deadline = Date.now() + 20_000;
  let there = 0;
  while (there === 0 && Date.now() < deadline) there = offsetIn(await client.send('GET', location));
  expect(there).toBeGreaterThan(0);
  let status = 416;
  // What the first connection had not written yet may be added while the second one comes: then it is told where to go on.
  while (status === 416 && Date.now() < deadline) {
    const rest = { 'Content-Range': `${there}-${content.length - 1}` };
    const answer = await client.send('PUT', `${location}?digest=${digest(content)}`, content.subarray(there), rest);
    status = answer.status;
    if (status === 416) there = offsetIn(answer);
  }
  socket.destroy();
  expect(status).toBe(201);
  const stored = await client.send('GET', `push/resumed/blobs/${digest(content)}`);
  expect(digest(new Uint8Array(await stored.arrayBuffer()))).toBe(digest(content));
}, 30_000);

test('a Host header that names no host is the request’s fault', async () => {
  const { hostname, port } = new URL(started.registry.url);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(Number(port), hostname, () => socket.write('GET /v2/ HTTP/1.1\r\nHost: a b<>\r\n\r\n'));
  socket.once('data', (data) => resolve(data.toString())).once('error', reject);
  expect(await promise).toStartWith('HTTP/1.1 400 ');
  socket.destroy();
});

test('an artifact as oras pushes and attaches it: an empty configuration, media types of its own, titles', async () => {
  const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digest('{}'), size: 2 };
  async function push(tag: string | undefined, files: Readonly<Record<string, string>>, more: object) {
    for (const content of ['{}', ...Object.values(files)]) {
      const name = digest(content);
      if ((await client.send('HEAD', `charts/app/blobs/${name}`)).status === 200) continue;
      const started = await client.send('POST', 'charts/app/blobs/uploads/');
      const location = `${started.headers.get('Location')}?digest=${encodeURIComponent(name)}`;
      const type = { 'Content-Type': 'application/octet-stream' };
      expect((await client.send('PUT', location, content, type)).status).toBe(201);
    }
    const layers = Object.entries(files).map(([title, content]) => ({
      mediaType: 'application/vnd.tests.file.v1+txt',
      digest: digest(content),
      size: bytes(content).length,
      annotations: { 'org.opencontainers.image.title': title },
    }));
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: empty,
      layers,
      ...more,
    });
    const answer = await client.putManifest('charts/app', tag ?? digest(manifest), manifest);
    return {
      answer,
      manifest,
      descriptor: { mediaType: mediaTypes.manifest, digest: digest(manifest), size: manifest.length },
    };
  }
  const app = await push(
    '1.0',
    { 'notes.txt': 'some notes', 'empty.txt': '' },
    { artifactType: 'application/vnd.tests.chart' },
  );
  const bill = await push(
    undefined,
    { 'bill.json': '{"parts":[]}' },
    { artifactType: 'application/vnd.tests.bill', subject: app.descriptor },
  );
  expect([app.answer.status, bill.answer.headers.get('OCI-Subject')]).toEqual([201, app.descriptor.digest]);
  const pulled = await client.send('GET', 'charts/app/manifests/1.0', undefined, { Accept: mediaTypes.manifest });
  expect(await pulled.text()).toBe(app.manifest);
  expect(await (await client.send('GET', `charts/app/blobs/${digest('some notes')}`)).text()).toBe('some notes');
  const referrers = await client.send('GET', `charts/app/referrers/${app.descriptor.digest}`);
  expect(await referrers.json()).toMatchObject({
    manifests: [{ ...bill.descriptor, artifactType: 'application/vnd.tests.bill' }],
  });
});
