import { describe, expect, test } from 'bun:test';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiRequest } from '../exchange.ts';
import { RawClient, serveMemory, until } from '../testing/raw-client.ts';
import { Connection } from './connection.ts';

const json = ['Content-Type: application/json'];

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
