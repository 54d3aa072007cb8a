import { expect, test } from 'bun:test';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { SocketWriter } from './socket-writer.ts';

/** Both ends of a connection, of which one is not read. */
async function stalledPair(): Promise<{ near: Socket; far: Socket; close(): void }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const far = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true }).pause();
  const [near] = (await once(server, 'connection')) as [Socket];
  near.on('error', () => undefined);
  const close = (): void => {
    near.destroy();
    far.destroy();
    server.close();
  };
  return { near, far, close };
}

const pieceBytes = 256 * 1024;

/** Writes until the far end takes no more; resolves with the write that waits, and how much went out. */
async function fill(near: Socket, writer: SocketWriter): Promise<{ waiting: Promise<void>; bytes: number }> {
  for (let count = 1; ; count++) {
    const waiting = writer.write(Buffer.alloc(pieceBytes));
    waiting.catch(() => undefined);
    if (near.writableLength > 0) return { waiting, bytes: count * pieceBytes };
    await waiting;
  }
}

test('flush waits for a client that takes nothing, and is done when the kernel has all', async () => {
  const { near, far, close } = await stalledPair();
  const writer = new SocketWriter(near);
  const { waiting, bytes } = await fill(near, writer);
  let isFlushed = false;
  const flushed = writer.flush().then(() => {
    isFlushed = true;
  });
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(isFlushed).toBe(false);
  let received = 0;
  far.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  far.resume();
  await Promise.all([waiting, flushed]);
  expect(near.writableLength).toBe(0);
  near.end();
  await once(far, 'end');
  expect(received).toBe(bytes);
  close();
}, 20_000);

test('flush is done when the connection is gone', async () => {
  const { near, close } = await stalledPair();
  const writer = new SocketWriter(near);
  await fill(near, writer);
  const flushed = writer.flush();
  near.destroy();
  await flushed;
  close();
}, 20_000);
