import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConnectError } from './connect-error.ts';
import { parseEndpoint } from './endpoint.ts';
import { EngineClient } from './engine-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'estiba-client-'));
const path = join(folder, 'engine.sock');
let connections = 0;
let server: Server;

/** A server of Node's, so that what is tested is understood by another's reading of the protocol. */
beforeAll(async () => {
  server = createServer((request, response) => {
    const url = request.url ?? '';
    if (url === '/json') response.setHeader('Content-Type', 'application/json').end('{"a":1}');
    else if (url === '/missing') response.writeHead(404).end('{"message":"No such container: x"}');
    else if (url === '/text') response.writeHead(500).end('it broke');
    else if (url === '/refuse') response.writeHead(413).end('{"message":"too much"}');
    else if (url === '/unchanged') response.writeHead(304).end();
    else if (url === '/forever') response.write('a line\n');
    else if (url === '/cut') {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('part');
      setImmediate(() => response.destroy());
    } else {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response.write(`${request.method} ${url} `);
        response.end(Buffer.concat(chunks).toString());
      });
    }
  });
  server.on('connection', () => connections++);
  server.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\r\nhello ');
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const client = (version?: string): EngineClient => new EngineClient(parseEndpoint(`unix://${path}`), { version });

async function text(engine: EngineClient, request: Parameters<EngineClient['send']>[0]): Promise<string> {
  return (await engine.send(request)).body.text();
}

describe('requests', () => {
  test('reuse their connection', async () => {
    const engine = client();
    const before = connections;
    expect(await engine.json<object>({ method: 'GET', path: '/json' })).toEqual({ a: 1 });
    expect(await text(engine, { method: 'GET', path: '/x', query: { a: true, b: false, c: ['1', '2'] } })).toBe(
      'GET /x?a=1&c=1&c=2 ',
    );
    await engine.done({ method: 'POST', path: '/unchanged' });
    expect(await text(engine, { method: 'POST', path: '/y', body: { b: 2 } })).toBe('POST /y {"b":2}');
    expect(connections - before).toBe(1);
    engine.close();
  });

  test('send a stream in chunks', async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one ');
      yield Buffer.from('two');
    }
    expect(await text(client(), { method: 'POST', path: '/z', body: body() })).toBe('POST /z one two');
  });

  test('ask for the version they are told', async () => {
    expect(await text(client('1.44'), { method: 'GET', path: '/x' })).toBe('GET /v1.44/x ');
  });

  test('fail with the words and the kind of the engine', async () => {
    const engine = client();
    await expect(engine.done({ method: 'GET', path: '/missing' })).rejects.toMatchObject({
      kind: 'not-found',
      message: 'Error response from daemon: No such container: x',
    });
    await expect(engine.done({ method: 'GET', path: '/text' })).rejects.toMatchObject({
      kind: 'internal',
      message: 'Error response from daemon: it broke',
    });
  });

  test('give the answer to a body that was refused half way', async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 200; index++) yield new Uint8Array(64 * 1024);
    }
    await expect(text(client(), { method: 'POST', path: '/refuse', body: body() })).rejects.toThrow('too much');
  });

  test('tell when an answer is cut short', async () => {
    await expect(text(client(), { method: 'GET', path: '/cut' })).rejects.toThrow('unexpected EOF');
  });

  test('end when they are aborted', async () => {
    const abort = new AbortController();
    const { body } = await client().send({ method: 'GET', path: '/forever', signal: abort.signal });
    expect(Buffer.from((await body.read()) ?? []).toString()).toBe('a line\n');
    abort.abort();
    await expect(body.read()).rejects.toThrow('unexpected EOF');
  });

  test('say which engine does not answer', async () => {
    const engine = new EngineClient(parseEndpoint(`unix://${folder}/nobody.sock`));
    await expect(engine.done({ method: 'GET', path: '/x' })).rejects.toBeInstanceOf(ConnectError);
  });
});

test('a connection is taken over, each direction closed by itself', async () => {
  const { connection, multiplexed } = await client().hijack({ method: 'POST', path: '/attach' });
  expect(multiplexed).toBe(true);
  const large = Buffer.alloc(3_000_000, 'x');
  const written = connection.write(large).then(() => connection.closeWrite());
  let received = '';
  for (let bytes = await connection.read(); bytes; bytes = await connection.read())
    received += Buffer.from(bytes).toString();
  await written;
  expect(received.length).toBe('hello '.length + large.length);
  expect(received.startsWith('hello xxx')).toBe(true);
  connection.close();
});

test.each([
  ['unix:///run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
  ['tcp://1.2.3.4:99', { kind: 'tcp', host: '1.2.3.4', port: 99 }],
  ['tcp://[::1]', { kind: 'tcp', host: '::1', port: 2375 }],
  ['tcp://:99', { kind: 'tcp', host: '127.0.0.1', port: 99 }],
])('%s', (host, endpoint) => {
  expect(parseEndpoint(host)).toMatchObject(endpoint);
});

test('a host of another scheme is refused', () => {
  expect(() => parseEndpoint('foo://x')).toThrow('invalid bind address format: foo://x');
});
