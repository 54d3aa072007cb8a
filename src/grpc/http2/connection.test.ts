import { afterEach, describe, expect, test } from 'bun:test';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { connectGrpc } from '../client.ts';
import { implement } from '../implement.ts';
import { serveGrpc } from '../server.ts';
import { echoing, echoService, word } from '../testing/echo.ts';
import { randomBytes, seeded } from '../testing/random.ts';
import { flags, frame, frameTypes, numberFrame, preface, settingsFrame } from './frames.ts';
import { encodeHeaders } from './hpack.ts';

const closing: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server, and a client that writes what it likes. */
function serveRaw() {
  const [near, far] = duplexPair();
  const server = serveGrpc(far, [implement(echoService, echoing)]);
  const received: Buffer[] = [];
  near.on('data', (chunk: Buffer) => received.push(chunk));
  near.on('error', () => undefined);
  closing.push(
    () => void near.destroy(),
    () => server.closed,
  );
  return { near, server, received: () => Buffer.concat(received) };
}

/** The numbers of the GOAWAY frames in what a server said. */
function goAways(bytes: Buffer): number[] {
  const codes: number[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes[at + 3] === frameTypes.goAway) codes.push(bytes.readUInt32BE(at + 13));
  }
  return codes;
}

function framed(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.byteLength, 1);
  return Buffer.concat([head, bytes]);
}

const opening = encodeHeaders([
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/test.Echo/Talk'],
  ['content-type', 'application/grpc'],
]);

describe('a peer that breaks the protocol', () => {
  const begun = Buffer.concat([preface, settingsFrame({})]);
  const breaches: Readonly<Record<string, readonly [bytes: Buffer, code: number]>> = {
    'no HTTP/2 at all': [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 1],
    'a frame that is too large': [Buffer.concat([begun, Buffer.from('ffffff000000000001', 'hex')]), 6],
    'data of no stream': [Buffer.concat([begun, frame(frameTypes.data, 0, 1, Buffer.alloc(10))]), 5],
    'a stream with an even number': [
      Buffer.concat([begun, frame(frameTypes.headers, flags.endHeaders, 2, opening)]),
      1,
    ],
    'headers that are none': [
      Buffer.concat([begun, frame(frameTypes.headers, flags.endHeaders, 1, Buffer.from([0x80]))]),
      9,
    ],
    'headers within headers': [
      Buffer.concat([begun, frame(frameTypes.headers, 0, 1, opening), frame(frameTypes.ping, 0, 0, Buffer.alloc(8))]),
      1,
    ],
    'headers without an end': [
      Buffer.concat([
        begun,
        frame(frameTypes.headers, 0, 1, opening),
        ...Array.from({ length: 100 }, () => frame(frameTypes.continuation, 0, 1, Buffer.alloc(16_000))),
      ]),
      11,
    ],
    'a window that is too large': [Buffer.concat([begun, numberFrame(frameTypes.windowUpdate, 0, 2 ** 31 - 1)]), 3],
    'a push': [Buffer.concat([begun, frame(frameTypes.pushPromise, flags.endHeaders, 1, Buffer.alloc(8))]), 1],
    'padding longer than its frame': [
      Buffer.concat([begun, frame(frameTypes.headers, flags.endHeaders | flags.padded, 1, Buffer.from([9, 0]))]),
      1,
    ],
  };

  for (const [what, [bytes, code]] of Object.entries(breaches)) {
    test(`${what} is told why and left`, async () => {
      const { near, server, received } = serveRaw();
      near.write(bytes);
      await server.closed;
      if (!near.readableEnded) await once(near, 'end');
      expect(goAways(received())).toEqual([code]);
    });
  }

  test('more data than the window has room for ends the connection', async () => {
    const { near, server, received } = serveRaw();
    near.write(Buffer.concat([begun, frame(frameTypes.headers, flags.endHeaders, 1, opening)]));
    // Of messages that nobody takes for want of room for their answers.
    const small = Buffer.concat(Array.from({ length: 16 }, () => framed(word.encode({ data: Buffer.alloc(992) }))));
    for (let round = 0; round < 1200 && !server.signal.aborted; round += 1) {
      const written = new Promise<void>((resolve) => near.write(frame(frameTypes.data, 0, 1, small), () => resolve()));
      await Promise.race([written, server.closed]);
    }
    await server.closed;
    expect(goAways(received())).toEqual([3]);
  });

  test('random frames end it or not, and nothing is thrown', async () => {
    const random = seeded(9113);
    for (let round = 0; round < 60; round += 1) {
      const { near, server } = serveRaw();
      near.write(begun);
      near.write(frame(frameTypes.headers, flags.endHeaders, 1, opening));
      for (let count = 0; count < 30 && !server.signal.aborted; count += 1) {
        const type = Math.floor(random() * 12);
        const payload = randomBytes(random, Math.floor(random() * 40));
        near.write(frame(type, Math.floor(random() * 64), Math.floor(random() * 4), payload));
      }
      near.write(randomBytes(random, 200));
      near.end();
      await server.closed;
    }
  });

  test('a client that half-closes is left', async () => {
    const { near, server } = serveRaw();
    near.write(preface.subarray(0, 10));
    near.end();
    await server.closed;
  });
});

describe("Bun's own HTTP/2", () => {
  async function listen() {
    const directory = mkdtempSync(join(tmpdir(), 'estiba-http2-'));
    const path = join(directory, 's');
    const server = createServer(
      { allowHalfOpen: true },
      (socket) => void serveGrpc(socket, [implement(echoService, echoing)]),
    );
    await new Promise<void>((resolve) => server.listen(path, resolve));
    closing.push(
      () => rmSync(directory, { recursive: true, force: true }),
      () => void server.close(),
    );
    return path;
  }

  interface Answer {
    readonly body: Buffer;
    readonly trailers: Record<string, unknown>;
    readonly headers: Record<string, unknown>;
  }

  function ask(session: ClientHttp2Session, headers: Record<string, string>, body: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const stream = session.request({
        ':method': 'POST',
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      });
      const chunks: Buffer[] = [];
      let first: Record<string, unknown> = {};
      let trailers: Record<string, unknown> = {};
      stream.on('response', (found) => {
        first = found;
      });
      stream.on('trailers', (found) => {
        trailers = found;
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => resolve({ body: Buffer.concat(chunks), trailers, headers: first }));
      stream.on('error', reject);
      stream.end(body);
    });
  }

  test('speaks to our server', async () => {
    const path = await listen();
    const session = connectHttp2('http://localhost', { createConnection: () => connect(path) });
    closing.push(() => session.close());
    const said = await ask(session, { ':path': '/test.Echo/Say' }, framed(word.encode({ text: 'grüße' })));
    expect(word.decode(said.body.subarray(5)).text).toBe('grüße');
    expect(said.trailers['grpc-status']).toBe('0');
    const talked = Array.from({ length: 20 }, (_, index) => framed(word.encode({ data: Buffer.alloc(50_000, index) })));
    const talk = await ask(session, { ':path': '/test.Echo/Talk' }, Buffer.concat(talked));
    expect(talk.body.equals(Buffer.concat(talked))).toBe(true);
    const unknown = await ask(session, { ':path': '/test.Nobody/Say' }, framed(Buffer.alloc(0)));
    expect([unknown.headers['grpc-status'], unknown.headers['grpc-message']]).toEqual([
      '12',
      'unknown service test.Nobody',
    ]);
    const zipped = await ask(session, { ':path': '/test.Echo/Say', 'grpc-encoding': 'gzip' }, framed(Buffer.alloc(0)));
    expect(zipped.headers['grpc-status']).toBe('12');
    expect(zipped.headers['grpc-message']).toBe('grpc: Decompressor is not installed for grpc-encoding "gzip"');
    const plain = await ask(session, { ':path': '/', 'content-type': 'text/plain' }, Buffer.alloc(0));
    expect(plain.headers[':status']).toBe(415);
  });

  test('a socket that is killed in the midst of a call ends it', async () => {
    const path = await listen();
    const socket = connect(path);
    const connection = connectGrpc(socket);
    const talk = connection.client(echoService).Talk();
    await talk.send({ text: 'a' });
    const heard = talk.messages[Symbol.asyncIterator]();
    expect((await heard.next()).value).toMatchObject({ text: 'a' });
    socket.destroy();
    await expect(heard.next()).rejects.toThrow('connection is closed');
    await connection.closed;
  });
});
