/**
 * A resolver to be asked by ours: `upstream.ts ADDRESS TAG`, at port 53 there. What it answers is said by the first label of
 * what it is asked: `silent` nothing, `silentTAG` nothing if that is its tag, `nx`, `fail`, `refused` that code, `cut` an empty answer that is cut off over UDP, `big`
 * more than 2,000 bytes, `mirror` the query itself as data, everything else the address 9.9.9.TAG.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const [address = '', tag = ''] = process.argv.slice(2);
const codes: Readonly<Record<string, number>> = { fail: 2, nx: 3, refused: 5 };

function record(type: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, 0]);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function answer(query: Buffer, protocol: 'udp' | 'tcp'): Buffer | undefined {
  const length = query[12] ?? 0;
  const word = query.toString('latin1', 13, 13 + length).toLowerCase();
  if (word === 'silent' || word === `silent${tag}`) return undefined;
  let end = 12;
  while ((query[end] ?? 0) !== 0) end += 1 + (query[end] ?? 0);
  const head = Buffer.from(query.subarray(0, end + 5));
  const isCut = word === 'cut' && protocol === 'udp';
  const code = codes[word] ?? 0;
  const records: Buffer[] = [];
  if (word === 'mirror') records.push(record(16, query));
  else if (word === 'big')
    for (let index = 0; index < 150; index++) records.push(record(1, Buffer.from([1, 2, 3, index])));
  else if (code === 0 && !isCut) records.push(record(1, Buffer.from([9, 9, 9, Number(tag)])));
  head.writeUInt16BE(0x8180 | code | (isCut ? 0x200 : 0), 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...records]);
}

const socket = createSocket('udp4');
socket.on('message', (query: Buffer, { port, address: from }) => {
  const message = answer(query, 'udp');
  if (message !== undefined) socket.send(message, port, from);
});
const server = createServer((connection) => {
  let received = Buffer.alloc(0);
  connection.on('error', () => {});
  connection.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
    const message = answer(received.subarray(2, 2 + received.readUInt16BE(0)), 'tcp');
    if (message === undefined) return;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length, 0);
    connection.write(Buffer.concat([length, message]));
  });
});
socket.bind(53, address, () => server.listen(53, address, () => process.stdout.write('up\n')));
