import { describe, expect, test } from 'bun:test';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiRequest } from '../exchange.ts';
import { RawClient, serveMemory, stalls, until } from '../testing/raw-client.ts';
import { Connection } from './connection.ts';
import { checkPresence } from './presence.ts';

const upgrade = ['Connection: Upgrade', 'Upgrade: tcp'];
const json = ['Content-Type: application/json'];

/** A multiplexed frame of stdout, as latin-1 text. */
function frame(text: string): string {
  return `\x01\0\0\0\0\0\0${String.fromCharCode(text.length)}${text}`;
}

async function create(server: Awaited<ReturnType<typeof serveMemory>>, body: object): Promise<void> {
  await server.containers.create('a', { Image: 'busybox', ...body });
  await server.containers.start('a').catch(() => undefined);
}

describe('requests on one connection', () => {
  test('one after another, and pipelined', async () => {
    await using server = await serveMemory();
    const client = server.client();
    client.request('GET /_ping');
    await client.sees('\r\n\r\nOK');
    client.send('GET /volumes/v HTTP/1.1\r\nHost: d\r\n\r\nGET /volumes/w HTTP/1.1\r\nHost: d\r\n\r\n');
    await client.sees('"Name":"v"');
    await client.sees('get w: no such volume');
    expect(client.ended).toBe(false);
  });

  test('HEAD has no body, HTTP/1.0 and Connection: close end', async () => {
    await using server = await serveMemory();
    const head = server.client();
    head.request('HEAD /_ping');
    head.request('GET /volumes/v');
    await head.sees('"Name":"v"');
    expect(head.received).not.toContain('OK\n');
    expect(head.received).toContain('Content-Length: 0\r\n\r\nHTTP/1.1 200');
    for (const text of ['GET /_ping HTTP/1.0\r\n\r\n', 'GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n']) {
      const client = server.client();
      client.send(text);
      await client.seesEnd();
      expect(client.received).toContain('Connection: close');
    }
  });

  test('a head in pieces, byte by byte', async () => {
    await using server = await serveMemory();
    const client = server.client();
    for (const byte of 'GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n') {
      client.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.sees('\r\n\r\nOK');
  });

  test('chunked bodies, with extensions and trailers, and what follows them', async () => {
    await using server = await serveMemory();
    const client = server.client();
    client.request('POST /images/create?fromSrc=-', ['Transfer-Encoding: chunked']);
    client.send('5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\nGET /_ping HTTP/1.1\r\nHost: d\r\n\r\n');
    await client.sees('sha256:bb');
    await client.sees('\r\n\r\nOK');
    expect(server.images.receivedBytes).toBe(8);
  });

  test('a body cut short is refused', async () => {
    await using server = await serveMemory();
    const client = server.client();
    client.request('POST /volumes/create', [...json, 'Content-Length: 100']);
    client.send('{"Name"');
    client.halfClose();
    await client.sees('400 Bad Request');
    await client.sees('unexpected EOF');
    await client.seesEnd();
  });

  test('Expect: 100-continue is answered when the body is wanted, before a streamed answer', async () => {
    await using server = await serveMemory();
    const client = server.client();
    client.request('POST /images/load', ['Expect: 100-continue', 'Content-Length: 3']);
    await client.sees('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK');
    client.send('abc');
    await client.sees('Loaded image');
    const refused = server.client();
    refused.request('POST /nope', ['Expect: 100-continue', 'Content-Length: 3']);
    await refused.sees('404 Not Found');
    await refused.seesEnd();
    expect(refused.received).not.toContain('100 Continue');
  });

  test('a body that nobody reads does not become the next request', async () => {
    await using server = await serveMemory();
    const client = server.client();
    client.request('POST /nope', [], 'GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n');
    client.request('GET /volumes/v');
    await client.sees('"Name":"v"');
    expect(client.received).not.toContain('\r\n\r\nOK');
  });

  test.each([
    ['garbage', 'foo bar baz\r\n\r\n', '400'],
    ['TLS', '\x16\x03\x01\x02\0\x01\0\r\n\r\n', '400'],
    ['a head without end', `GET /${'a'.repeat(300_000)}`, '431'],
    [
      'a bad chunk',
      'POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      '400',
    ],
  ])('%s is refused and the connection closed', async (_, text, status) => {
    await using server = await serveMemory();
    const client = server.client();
    client.send(text);
    await client.sees(`HTTP/1.1 ${status} `);
    client.halfClose();
    await client.seesEnd();
  });

  test('a head that never ends is given up', async () => {
    const handle = async () => ({ status: 200, headers: {} });
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      void new Connection(socket, handle, { headTimeoutMs: 20 }).serve();
    });
    const path = join(tmpdir(), `estiba-http-${process.pid}-slow`);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const client = new RawClient(path);
    client.send('GET / HT');
    await client.seesEnd();
    client.socket.destroy();
    server.close();
  });
});

describe('streams', () => {
  test('the head of wait goes out when the wait is registered', async () => {
    await using server = await serveMemory();
    await create(server, { Cmd: ['cat'] });
    const client = server.client();
    client.request('POST /containers/a/wait?condition=next-exit');
    await client.sees('Transfer-Encoding: chunked\r\n\r\n');
    expect(client.received).toEndWith('\r\n\r\n');
    server.containers.exit('a', 7);
    await client.sees('{"StatusCode":7}\n\r\n0\r\n\r\n');
    client.request('GET /_ping');
    await client.sees('\r\n\r\nOK');
  });

  test('events: head at once, each event as it happens, the end when the client goes', async () => {
    await using server = await serveMemory();
    const client = server.client();
    client.request('GET /events');
    await client.sees('Transfer-Encoding: chunked\r\n\r\n');
    await until('the stream is open', () => server.events.open === 1);
    server.events.publish({ type: 'container', action: 'first', id: 'x', attributes: {} });
    await client.sees('"Action":"first"');
    expect(client.received).not.toContain('second');
    server.events.publish({ type: 'container', action: 'second', id: 'x', attributes: {} });
    await client.sees('"Action":"second"');
    client.socket.destroy();
    await until('the stream is closed', () => server.events.open === 0);
  });

  test('a client that goes ends its wait and its logs', async () => {
    await using server = await serveMemory();
    await create(server, { Cmd: ['cat'] });
    const [waiting, following] = [server.client(), server.client()];
    waiting.request('POST /containers/a/wait');
    following.request('GET /containers/a/logs?stdout=1&follow=1');
    await following.sees('line 1\n');
    await until('both are open', () => server.containers.openWaits === 1 && server.containers.openLogs === 1);
    waiting.socket.destroy();
    following.socket.destroy();
    await until('both are closed', () => server.containers.openWaits === 0 && server.containers.openLogs === 0);
  });

  test('logs are produced only as fast as they are read', async () => {
    await using server = await serveMemory();
    await create(server, { Cmd: ['cat'] });
    let produced = 0;
    server.containers.logs = () => ({
      terminal: false,
      output: (async function* () {
        for (; produced < 1000; produced += 1) yield new Uint8Array(65536);
      })(),
    });
    const client = server.client();
    client.socket.pause();
    client.request('GET /containers/a/logs?stdout=1');
    await until('the first are produced', () => produced > 1);
    await stalls(() => produced);
    expect(produced).toBeLessThan(100);
    client.socket.resume();
    await until('all are produced', () => produced === 1000);
  });

  test('a client that goes cancels a save', async () => {
    await using server = await serveMemory();
    const client = server.client();
    client.socket.once('data', () => client.socket.destroy());
    client.request('GET /images/busybox/get');
    await until('the save is cancelled', () => server.images.cancelled === 1);
  });

  test('a stream that breaks closes the connection, so that its end does not lie', async () => {
    await using server = await serveMemory();
    server.images.save = async () =>
      new ReadableStream({
        pull: (controller) => controller.error(new Error('disk gone')),
      });
    const client = server.client();
    client.request('GET /images/busybox/get');
    await client.seesEnd();
    expect(client.received).not.toContain('0\r\n\r\n');
  });
});

describe('hijack', () => {
  test.each([
    ['with upgrade', upgrade, '101 UPGRADED'],
    ['without', [], '200 OK'],
  ])('attach %s: bytes both ways, half-close ends the input only', async (_, headers, status) => {
    await using server = await serveMemory();
    await create(server, { Cmd: ['cat'] });
    const client = server.client();
    client.request('POST /containers/a/attach?stream=1&stdin=1&stdout=1', headers);
    await client.sees(`HTTP/1.1 ${status}\r\n`);
    client.send('hello\n');
    await client.sees(frame('hello\n'));
    client.send('more\n');
    client.halfClose();
    await client.sees(frame('more\n'));
    await client.seesEnd();
    await until('the attachment is closed', () => server.containers.openAttachments === 0);
  });

  test('on a connection that served others before, with the first input in the same packet', async () => {
    await using server = await serveMemory();
    await create(server, { Cmd: ['cat'] });
    const client = server.client();
    client.request('GET /_ping');
    await client.sees('\r\n\r\nOK');
    client.send('POST /containers/a/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\nearly');
    client.halfClose();
    await client.sees(frame('early'));
    await client.seesEnd();
  });

  test.each([
    ['with upgrade', upgrade, '101 UPGRADED'],
    ['without', [], '200 OK'],
  ])('exec start has a body and takes the connection over, %s', async (_, headers, status) => {
    await using server = await serveMemory();
    await create(server, { Cmd: ['cat'] });
    const { Id } = server.containers.execCreate('a', { Cmd: ['cat'] });
    const client = server.client();
    client.request(`POST /exec/${Id}/start`, [...json, ...headers], '{"Detach":false,"Tty":false}');
    client.send('hello');
    await client.sees(`HTTP/1.1 ${status}\r\n`);
    await client.sees(frame('hello'));
    client.halfClose();
    await client.seesEnd();
  });

  test('the output ends: all of it arrives, then the connection closes', async () => {
    await using server = await serveMemory();
    await create(server, { Cmd: ['cat'] });
    const { Id } = server.containers.execCreate('a', { Cmd: ['echo', 'x'.repeat(100)] });
    const client = server.client();
    client.request(`POST /exec/${Id}/start`, [...json, ...upgrade], '{}');
    await client.seesEnd();
    expect(client.received).toEndWith(frame(`${'x'.repeat(100)}\n`));
    await until('the attachment is closed', () => server.containers.openAttachments === 0);
  });

  test('a client that vanishes while nothing is said closes the attachment', async () => {
    await using server = await serveMemory();
    await create(server, { Cmd: ['cat'], Tty: true });
    const client = server.client();
    client.request('POST /containers/a/attach?stream=1&stdout=1', upgrade);
    await client.sees('101 UPGRADED');
    expect(server.containers.openAttachments).toBe(1);
    client.socket.destroy();
    await until('the attachment is closed', () => {
      checkPresence();
      return server.containers.openAttachments === 0;
    });
  });

  test('a client that vanishes in the midst of output closes the attachment', async () => {
    await using server = await serveMemory();
    await create(server, { Cmd: ['cat'], Tty: true });
    const client = server.client();
    client.request('POST /containers/a/attach?stream=1&stdout=1', upgrade);
    await client.sees('101 UPGRADED');
    client.socket.destroy();
    await until('the attachment is closed', () => {
      server.containers.say('a', 'x');
      return server.containers.openAttachments === 0;
    });
  });

  test('a client that only closed its side stays attached', async () => {
    await using server = await serveMemory();
    await create(server, { Cmd: ['cat'], Tty: true });
    const client = server.client();
    client.request('POST /containers/a/attach?stream=1&stdout=1', upgrade);
    await client.sees('101 UPGRADED');
    client.halfClose();
    checkPresence();
    server.containers.say('a', 'still here');
    await client.sees('still here');
  });

  test('a client that does not read slows the process, and loses nothing', async () => {
    await using server = await serveMemory();
    await create(server, { Cmd: ['cat'], Tty: true });
    const client = server.client();
    let bytes = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
    });
    client.request('POST /containers/a/attach?stream=1&stdin=1&stdout=1', upgrade);
    await until('the head is here', () => bytes > 0);
    const head = bytes;
    client.socket.pause();
    const block = Buffer.alloc(65536, 'a');
    for (let index = 0; index < 64; index += 1) client.socket.write(block);
    client.halfClose();
    await stalls(() => client.socket.writableLength);
    client.socket.resume();
    await until('all came back', () => bytes === head + 64 * 65536);
  });

  test('a process that never reads its input does not keep the connection of a client that went', async () => {
    await using server = await serveMemory();
    // Created and not started: nobody reads.
    await server.containers.create('a', { Image: 'busybox' });
    const client = server.client();
    client.request('POST /containers/a/attach?stream=1&stdin=1&stdout=1', upgrade);
    await client.sees('101 UPGRADED');
    client.socket.write(Buffer.alloc(1024 * 1024));
    await stalls(() => client.socket.writableLength);
    client.socket.destroy();
    await until('the attachment is closed', () => {
      checkPresence();
      server.containers.say('a', 'x');
      return server.containers.openAttachments === 0;
    });
    const begun = performance.now();
    await server.listener.close();
    expect(performance.now() - begun).toBeLessThan(2500);
  });

  test('a bad body is answered as any other, and the connection lives on', async () => {
    await using server = await serveMemory();
    const client = server.client();
    client.request('POST /exec/zz/start', [...json, ...upgrade], '{');
    await client.sees('invalid JSON: unexpected EOF');
    client.request('GET /_ping');
    await client.sees('\r\n\r\nOK');
  });
});

describe('ordinary clients', () => {
  test('fetch and node:http, many at once', async () => {
    await using server = await serveMemory();
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const response = await fetch('http://d/volumes/create', {
          unix: server.path,
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ Name: `v${index}` }),
        });
        return ((await response.json()) as { Name: string }).Name;
      }),
    );
    expect(answers).toEqual(Array.from({ length: 50 }, (_, index) => `v${index}`));
    const status = await new Promise((resolve, reject) => {
      httpRequest({ socketPath: server.path, path: '/_ping' }, (response) => resolve(response.statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });

  test('a request knows when its client is gone', async () => {
    let seen: ApiRequest | undefined;
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      void new Connection(socket, (request) => {
        seen = request;
        return new Promise((resolve) =>
          request.signal.addEventListener('abort', () => resolve({ status: 204, headers: {} })),
        );
      }).serve();
    });
    const path = join(tmpdir(), `estiba-http-${process.pid}-gone`);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const client = new RawClient(path);
    client.request('POST /x', [], 'body');
    await until('the request is seen', () => seen !== undefined);
    expect(seen?.signal.aborted).toBe(false);
    client.socket.destroy();
    await until('it is aborted', () => seen?.signal.aborted === true);
    server.close();
  });
});
