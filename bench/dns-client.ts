/** Asks 127.0.0.11 for the address of NAME so many times: `bun dns-client.ts NAME COUNT`. Prints milliseconds. */
import { createSocket } from 'node:dgram';

const [name = '', count = '1'] = process.argv.slice(2);
const total = Number(count);
const window = 32;
const retryMs = 500;

function question(id: number): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]));
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, ...labels, Buffer.of(0, 0, 1, 0, 1)]);
}

const socket = createSocket('udp4');
const waiting = new Map<number, ReturnType<typeof setTimeout>>();
let [sent, answered] = [0, 0];
const done = Promise.withResolvers<void>();

function ask(id: number): void {
  socket.send(question(id), 53, '127.0.0.11');
  waiting.set(
    id,
    setTimeout(() => ask(id), retryMs),
  );
}

function next(): void {
  if (sent < total) ask(sent++ & 0xffff);
}

socket.on('message', (answer) => {
  const id = answer.readUInt16BE(0);
  if (!waiting.has(id)) return;
  if ((answer.readUInt8(3) & 15) !== 0 || answer.readUInt16BE(6) === 0) throw new Error('no address');
  clearTimeout(waiting.get(id));
  waiting.delete(id);
  answered += 1;
  if (answered === total) done.resolve();
  else next();
});

const startedAt = performance.now();
for (let index = 0; index < window; index++) next();
await done.promise;
process.stdout.write(String(performance.now() - startedAt));
socket.close();
