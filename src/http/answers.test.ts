import { describe, expect, test } from 'bun:test';
import { createApi } from './api.ts';
import { memoryFeatures } from './testing/features.ts';
import { openApi } from './testing/open-api.ts';
import { request } from './testing/raw-client.ts';

describe('answers', () => {
  test('304 has no body, and errors have their status', async () => {
    const { ask, create } = openApi();
    await create({ Image: 'busybox', Cmd: ['cat'] });
    expect((await ask('POST', '/containers/a/start')).status).toBe(204);
    expect(await ask('POST', '/containers/a/start')).toMatchObject({ status: 304, text: '' });
    expect((await ask('POST', '/containers/zz/start')).status).toBe(404);
    expect((await ask('POST', '/swarm/init')).status).toBe(501);
  });

  test('pull streams its progress', async () => {
    const answer = await openApi().ask('POST', '/images/create?fromImage=alpine&tag=latest');
    expect([answer.status, answer.text]).toEqual([200, '{"status":"Pulling from alpine","id":"latest"}\r\n']);
  });

  test('import, load and save stream', async () => {
    const { ask, images } = openApi();
    const octets = { 'content-type': 'application/x-tar' };
    expect((await ask('POST', '/images/create?fromSrc=-', { body: 'abc', headers: octets })).text).toBe(
      '{"status":"sha256:bb"}\r\n',
    );
    expect(images.receivedBytes).toBe(3);
    const failed = await ask('POST', '/images/load', { body: 'abcd', headers: octets });
    expect([failed.status, failed.text]).toEqual([
      200,
      '{"errorDetail":{"message":"unexpected end of archive"},"error":"unexpected end of archive"}\r\n',
    ]);
    expect((await ask('GET', '/images/get?names=busybox')).text).toHaveLength(64 * 65536);
    expect((await ask('GET', '/images/nope/get')).status).toBe(404);
  });

  test('prune of volumes took named ones too before 1.42', async () => {
    const { ask } = openApi();
    expect(JSON.parse((await ask('POST', '/v1.41/volumes/prune')).text).VolumesDeleted).toEqual(['true']);
    expect(JSON.parse((await ask('POST', '/volumes/prune')).text).VolumesDeleted).toEqual([]);
  });

  test('wait before 1.30 answers at the end only', async () => {
    const { ask, create, containers } = openApi();
    await create({ Image: 'busybox', Cmd: ['cat'] });
    const answer = ask('POST', '/v1.29/containers/a/wait');
    containers.exit('a', 5);
    expect((await answer).text).toBe('{"StatusCode":5}\n');
  });

  test('an error that nobody foresaw is 500 with its message', async () => {
    const features = memoryFeatures();
    features.containers.list = async () => {
      throw new TypeError('undefined is not a function');
    };
    const answer = await createApi(features).handle(request('GET', '/containers/json'));
    expect([answer.status, answer.body]).toEqual([500, '{"message":"undefined is not a function"}\n']);
  });
});

describe('hijacked answers', () => {
  const upgrade = { upgrade: 'tcp', connection: 'Upgrade' };

  test('attach: with and without upgrade, tty and not, old and new', async () => {
    const { ask, create } = openApi();
    await create({ Image: 'busybox' }, 'plain');
    await create({ Image: 'busybox', Tty: true }, 'tty');
    const typeOf = async (target: string, headers = {}) => {
      const response = await ask('POST', target, { headers });
      await response.hijack?.connect().then((attachment) => attachment.close());
      return [response.status, response.headers['Content-Type']];
    };
    const [raw, multiplexed] = ['application/vnd.docker.raw-stream', 'application/vnd.docker.multiplexed-stream'];
    expect(await typeOf('/containers/plain/attach?stream=1', upgrade)).toEqual([101, multiplexed]);
    expect(await typeOf('/v1.41/containers/plain/attach?stream=1', upgrade)).toEqual([101, raw]);
    expect(await typeOf('/containers/tty/attach?stream=1', upgrade)).toEqual([101, raw]);
    expect(await typeOf('/containers/plain/attach?stream=1')).toEqual([200, raw]);
  });

  test('attach is refused in plain text, as Docker does', async () => {
    const { ask, create } = openApi();
    await create({ Image: 'busybox' });
    expect(await ask('POST', '/containers/zz/attach', { headers: upgrade })).toMatchObject({
      status: 404,
      text: 'No such container: zz\r\n',
    });
    expect(await ask('POST', '/containers/a/attach?detachKeys=foo')).toMatchObject({
      status: 400,
      text: 'Invalid detach keys (foo) provided\r\n',
    });
  });

  test('exec: an unknown one is an answer, a failed one a word in the stream', async () => {
    const { ask, create } = openApi();
    await create({ Image: 'busybox' });
    expect((await ask('POST', '/exec/zz/start', { body: '{}', headers: upgrade })).status).toBe(404);
    const { Id } = JSON.parse((await ask('POST', '/containers/a/exec', { body: '{"Cmd":["true"]}' })).text);
    expect((await ask('POST', `/exec/${Id}/start`, { body: '{"Detach":true}' })).status).toBe(200);
    const { hijack } = await ask('POST', `/exec/${Id}/start`, { body: '{}', headers: upgrade });
    const error = await hijack?.connect().catch((reason: unknown) => reason);
    const told = Buffer.from(hijack?.explain(error) ?? []);
    expect(told[0]).toBe(1);
    expect(told.readUInt32BE(4)).toBe(told.length - 8);
    expect(told.toString('utf8', 8)).toBe(`exec command ${Id} has already run\r\n`);
  });

  test('exec: the console size counts with a terminal only', async () => {
    const { ask, create, containers } = openApi();
    await create({ Image: 'busybox' });
    for (const body of ['{"Tty":true,"ConsoleSize":[3,4]}', '{"ConsoleSize":[3,4]}']) {
      const { Id } = JSON.parse((await ask('POST', '/containers/a/exec', { body: '{"Cmd":["true"]}' })).text);
      const { hijack } = await ask('POST', `/exec/${Id}/start`, { body, headers: upgrade });
      (await hijack?.connect())?.close();
    }
    expect(containers.calls.filter(([what]) => what === 'execStart')).toEqual([
      ['execStart', { tty: true, consoleSize: [3, 4] }],
      ['execStart', { tty: false }],
    ]);
  });
});
