/**
 * What one stream carries between two processes through a unix socket, beside what the socket carries alone:
 *   tools/bun bench/grpc.ts [MEGABYTES]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bidirectional,
  bytes,
  connectGrpc,
  implement,
  message,
  type Read,
  serveGrpc,
  service,
  type Written,
} from '#grpc';

const packet = message({ data: bytes(4) });
const pipeService = service('bench.Pipe', { Up: bidirectional(packet, packet), Down: bidirectional(packet, packet) });
/** As fsutil sends files. */
const packetBytes = 32 * 1024;
const totalBytes = Number(Bun.argv.at(-1)) * 1024 * 1024 || 500 * 1024 * 1024;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function* packets(): AsyncGenerator<Written<typeof packet>> {
  const data = new Uint8Array(packetBytes);
  for (let sent = 0; sent < totalBytes; sent += packetBytes) yield { data };
}

async function drain(messages: AsyncIterable<Read<typeof packet>>): Promise<number> {
  let count = 0;
  for await (const { data } of messages) count += data.byteLength;
  return count;
}

function serve(path: string): void {
  const pipe = implement(pipeService, {
    async Up({ messages, send }) {
      await drain(messages);
      await send({});
    },
    async Down({ send }) {
      for await (const one of packets()) await send(one);
    },
  });
  createServer((socket) => void serveGrpc(socket, [pipe])).listen(`${path}.grpc`);
  createServer((socket) => {
    let count = 0;
    socket.on('data', (chunk) => {
      count += chunk.length;
      if (count >= totalBytes) socket.end('.');
    });
  }).listen(`${path}.raw`, () => print('ready'));
}

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  const { user: userBefore, system: systemBefore } = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage();
  const seconds = (performance.now() - begun) / 1000;
  const cpuSeconds = (user + system - userBefore - systemBefore) / 1e6;
  const rate = (totalBytes / 1024 / 1024 / seconds).toFixed(0);
  print(`${what}: ${rate} MB/s, ${cpuSeconds.toFixed(2)} s of this side's processor`);
}

async function raw(path: string): Promise<void> {
  const socket = connect(`${path}.raw`);
  const over = new Promise((resolve) => socket.on('data', resolve));
  for await (const { data } of packets()) {
    if (data !== undefined && !socket.write(data)) await new Promise((resolve) => socket.once('drain', resolve));
  }
  await over;
  socket.destroy();
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-grpc-bench-'));
  const path = join(directory, 's');
  const server = Bun.spawn([process.execPath, import.meta.path, 'serve', path, String(totalBytes / 1024 / 1024)]);
  await server.stdout.getReader().read();
  const connection = connectGrpc(connect(`${path}.grpc`));
  const { Up, Down } = connection.client(pipeService);
  for (let round = 0; round < 3; round += 1) {
    await timed('socket alone', () => raw(path));
    await timed('to the server', async () => {
      const call = Up();
      for await (const one of packets()) await call.send(one);
      call.end();
      await drain(call.messages);
    });
    await timed('from the server', async () => {
      const call = Down();
      call.end();
      await drain(call.messages);
    });
  }
  connection.close();
  server.kill();
  rmSync(directory, { recursive: true });
}

const [, , role, path = ''] = Bun.argv;
if (role === 'serve') serve(path);
else await main();
