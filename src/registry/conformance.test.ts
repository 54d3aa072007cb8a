import { afterAll, test } from 'bun:test';
import { mediaTypes } from '#oci';
import { describe, digest, imageIndex, startTestRegistry } from './testing/client.ts';
import { fill, type Row, sample, tableOf } from './testing/table.ts';

/**
 * The distribution specification 1.1 by its chapters on pulling, discovery and management: each row is a request and what must
 * be answered. All rows run in order against one registry, each test in repositories of its own.
 */
const started = startTestRegistry();
const { client } = started;
const rows = tableOf(client);
const { config, layer, manifest, named, absent } = sample;
afterAll(() => started[Symbol.asyncDispose]());

const type = { 'Content-Type': mediaTypes.manifest };

test('pull: blobs, whole and in part', async () => {
  await fill(client, 'pull/blobs');
  const [path, size] = [`pull/blobs/blobs/${digest(layer)}`, String(layer.length)];
  await rows(
    { request: ['GET', '/v2/'], status: 200, json: {} },
    {
      request: ['GET', path],
      status: 200,
      text: layer,
      headers: { 'Docker-Content-Digest': digest(layer), 'Content-Length': size },
    },
    {
      request: ['HEAD', path],
      status: 200,
      text: '',
      headers: { 'Docker-Content-Digest': digest(layer), 'Content-Length': size },
    },
    {
      request: ['GET', path, undefined, { Range: 'bytes=2-6' }],
      status: 206,
      text: 'layer',
      headers: { 'Content-Range': `bytes 2-6/${size}` },
    },
    { request: ['GET', path, undefined, { Range: 'bytes=16-' }], status: 206, text: 'bytes' },
    { request: ['GET', path, undefined, { Range: 'bytes=-5' }], status: 206, text: 'bytes' },
    { request: ['GET', path, undefined, { Range: 'bytes=900-' }], status: 416 },
    { request: ['GET', path, undefined, { 'If-None-Match': `"${digest(layer)}"` }], status: 304 },
    { request: ['GET', `pull/blobs/blobs/${absent}`], status: 404, code: 'BLOB_UNKNOWN' },
    { request: ['HEAD', `pull/blobs/blobs/${absent}`], status: 404 },
    // A blob is seen only where it was pushed.
    { request: ['GET', `pull/other/blobs/${digest(layer)}`], status: 404, code: 'BLOB_UNKNOWN' },
    { request: ['GET', 'pull/blobs/blobs/sha256:12'], status: 400, code: 'DIGEST_INVALID' },
    { request: ['GET', 'pull/blobs/blobs/md5:d41d8cd98f00b204e9800998ecf8427e'], status: 400, code: 'DIGEST_INVALID' },
    { request: ['POST', path], status: 405, code: 'UNSUPPORTED', headers: { Allow: 'GET, HEAD, DELETE' } },
  );
});

test('pull: manifests, by tag and digest, in a form that is accepted', async () => {
  await fill(client, 'pull/m');
  const index = imageIndex([manifest]).replace('"size":', '"platform":{"os":"linux","architecture":"amd64"},"size":');
  await client.putManifest('pull/m', 'one', manifest);
  await client.putManifest('pull/m', 'all', index, mediaTypes.index);
  const headers = {
    'Content-Type': mediaTypes.manifest,
    'Docker-Content-Digest': named,
    'Content-Length': String(manifest.length),
  };
  const accept = (...types: readonly string[]) => ({ Accept: types.join(', ') });
  await rows(
    { request: ['GET', 'pull/m/manifests/one'], status: 200, text: manifest, headers },
    { request: ['HEAD', 'pull/m/manifests/one'], status: 200, text: '', headers },
    { request: ['GET', `pull/m/manifests/${named}`], status: 200, text: manifest, headers },
    { request: ['GET', 'pull/m/manifests/one', undefined, { 'If-None-Match': `"${named}"` }], status: 304 },
    {
      request: ['GET', 'pull/m/manifests/one', undefined, accept(mediaTypes.dockerManifest, '*/*')],
      status: 200,
      headers,
    },
    {
      request: ['GET', 'pull/m/manifests/one', undefined, accept(mediaTypes.index, mediaTypes.manifest)],
      status: 200,
      headers,
    },
    {
      request: ['GET', 'pull/m/manifests/one', undefined, accept(mediaTypes.dockerManifest)],
      status: 404,
      code: 'MANIFEST_UNKNOWN',
    },
    // Who knows no indexes gets the image for the usual platform.
    { request: ['GET', 'pull/m/manifests/all', undefined, accept(mediaTypes.manifest)], status: 200, headers },
    { request: ['GET', 'pull/m/manifests/all', undefined, accept(mediaTypes.index)], status: 200, text: index },
    { request: ['GET', 'pull/m/manifests/none'], status: 404, code: 'MANIFEST_UNKNOWN' },
    { request: ['HEAD', 'pull/m/manifests/none'], status: 404 },
    { request: ['GET', `pull/m/manifests/${absent}`], status: 404, code: 'MANIFEST_UNKNOWN' },
    { request: ['GET', 'pull/nobody/manifests/one'], status: 404, code: 'NAME_UNKNOWN' },
    { request: ['GET', 'pull/m/manifests/.tag'], status: 400, code: 'TAG_INVALID' },
    { request: ['GET', 'pull/m/manifests/sha256:zz'], status: 400, code: 'DIGEST_INVALID' },
    { request: ['GET', 'Pull/M/manifests/one'], status: 400, code: 'NAME_INVALID' },
    { request: ['GET', `${'a'.repeat(256)}/manifests/one`], status: 400, code: 'NAME_INVALID' },
    { request: ['GET', 'a__b/c--d/e.f/manifests/one'], status: 404, code: 'NAME_UNKNOWN' },
    { request: ['GET', 'a//b/manifests/one'], status: 400, code: 'NAME_INVALID' },
    { request: ['GET', '/v2/elsewhere'], status: 404 },
    { request: ['GET', '/'], status: 404 },
    { request: ['GET', 'x/manifests/%ff'], status: 400, code: 'TAG_INVALID' },
  );
});

test('discovery: tags and repositories in pages', async () => {
  await fill(client, 'tags/t');
  for (const tag of ['b', 'a', 'C', 'd1']) await client.putManifest('tags/t', tag, manifest);
  const list = (query: string): Row['request'] => ['GET', `tags/t/tags/list${query}`];
  const page = (...tags: readonly string[]) => ({ name: 'tags/t', tags });
  await rows(
    { request: list(''), status: 200, json: page('C', 'a', 'b', 'd1'), headers: { Link: null } },
    {
      request: list('?n=2'),
      status: 200,
      json: page('C', 'a'),
      headers: { Link: '</v2/tags/t/tags/list?last=a&n=2>; rel="next"' },
    },
    { request: list('?n=2&last=a'), status: 200, json: page('b', 'd1'), headers: { Link: null } },
    { request: list('?last=b'), status: 200, json: page('d1') },
    { request: list('?n=0'), status: 200, json: page() },
    { request: list('?n=-1'), status: 400, code: 'PAGINATION_NUMBER_INVALID' },
    { request: list('?n=x'), status: 400, code: 'PAGINATION_NUMBER_INVALID' },
    { request: ['GET', 'tags/nobody/tags/list'], status: 404, code: 'NAME_UNKNOWN' },
    { request: ['GET', '_catalog?n=1&last=tags/s'], status: 200, json: { repositories: ['tags/t'] } },
    {
      request: ['GET', '_catalog?n=1&last=pull'],
      status: 200,
      headers: { Link: '</v2/_catalog?last=pull%2Fblobs&n=1>; rel="next"' },
    },
  );
});

test('discovery: referrers, by the type of what refers', async () => {
  await fill(client, 'refer/r');
  const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digest(config), size: 2 };
  const about = (more: object): string =>
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config: empty, layers: [], ...more });
  const subject = describe(manifest, mediaTypes.manifest);
  const signature = about({ subject, artifactType: 'test/signature', annotations: { by: 'somebody' } });
  const bill = about({ subject, config: { ...empty, mediaType: 'test/bill' } });
  const shown = (content: string, artifactType: string, more = {}) => ({
    ...describe(content, mediaTypes.manifest),
    artifactType,
    ...more,
  });
  const both = [shown(signature, 'test/signature', { annotations: { by: 'somebody' } }), shown(bill, 'test/bill')];
  const sorted = both.sort((one, other) => (one.digest < other.digest ? -1 : 1));
  const index = (manifests: unknown) => ({ schemaVersion: 2, mediaType: mediaTypes.index, manifests });
  const path = `refer/r/referrers/${named}`;
  await rows(
    // Before their subject is there.
    {
      request: ['PUT', `refer/r/manifests/${digest(signature)}`, signature, type],
      status: 201,
      headers: { 'OCI-Subject': named },
    },
    {
      request: ['PUT', `refer/r/manifests/${digest(bill)}`, bill, type],
      status: 201,
      headers: { 'OCI-Subject': named },
    },
    { request: ['PUT', 'refer/r/manifests/subject', manifest, type], status: 201 },
    {
      request: ['GET', path],
      status: 200,
      json: index(sorted),
      headers: { 'Content-Type': mediaTypes.index, 'OCI-Filters-Applied': null },
    },
    {
      request: ['GET', `${path}?artifactType=test/bill`],
      status: 200,
      json: index(sorted.filter(({ artifactType }) => artifactType === 'test/bill')),
      headers: { 'OCI-Filters-Applied': 'artifactType' },
    },
    { request: ['GET', `${path}?artifactType=other`], status: 200, json: index([]) },
    { request: ['GET', `refer/nobody/referrers/${absent}`], status: 200, json: index([]) },
    { request: ['GET', 'refer/r/referrers/sha256:1'], status: 400, code: 'DIGEST_INVALID' },
    { request: ['DELETE', `refer/r/manifests/${digest(bill)}`], status: 202 },
    {
      request: ['GET', path],
      status: 200,
      json: index(sorted.filter(({ artifactType }) => artifactType !== 'test/bill')),
    },
  );
});

test('management: tags, manifests and blobs are deleted, but nothing that is named', async () => {
  await fill(client, 'delete/d');
  const index = imageIndex([manifest]);
  for (const tag of ['one', 'two']) await client.putManifest('delete/d', tag, manifest);
  await client.putManifest('delete/d', 'index', index, mediaTypes.index);
  const path = `delete/d/manifests/${named}`;
  await rows(
    { request: ['DELETE', 'delete/d/manifests/one'], status: 202 },
    { request: ['DELETE', 'delete/d/manifests/one'], status: 404, code: 'MANIFEST_UNKNOWN' },
    { request: ['GET', 'delete/d/manifests/two'], status: 200, text: manifest },
    { request: ['DELETE', path], status: 405, code: 'UNSUPPORTED' },
    { request: ['DELETE', `delete/d/blobs/${digest(layer)}`], status: 405, code: 'UNSUPPORTED' },
    { request: ['DELETE', `delete/d/manifests/${digest(index)}`], status: 202 },
    { request: ['DELETE', path], status: 202 },
    { request: ['GET', path], status: 404, code: 'MANIFEST_UNKNOWN' },
    { request: ['GET', 'delete/d/manifests/two'], status: 404, code: 'MANIFEST_UNKNOWN' },
    { request: ['DELETE', path], status: 404, code: 'MANIFEST_UNKNOWN' },
    { request: ['GET', 'delete/d/tags/list'], status: 200, json: { name: 'delete/d', tags: [] } },
    { request: ['DELETE', `delete/d/blobs/${digest(layer)}`], status: 202 },
    { request: ['DELETE', `delete/d/blobs/${digest(layer)}`], status: 404, code: 'BLOB_UNKNOWN' },
    { request: ['GET', `delete/d/blobs/${digest(layer)}`], status: 404, code: 'BLOB_UNKNOWN' },
    { request: ['DELETE', 'delete/d/blobs/x'], status: 400, code: 'DIGEST_INVALID' },
    { request: ['DELETE', 'delete/nobody/manifests/one'], status: 404, code: 'NAME_UNKNOWN' },
    { request: ['DELETE', '_catalog'], status: 405, code: 'UNSUPPORTED' },
  );
});
