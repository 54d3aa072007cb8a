/**
 * Asks 127.0.0.11 in the namespace that it is started in: takes lists of messages (`udp` or `tcp` and hexadecimal digits),
 * one JSON line each, and prints the answers as one JSON line. All messages of a list go over one socket; an answer is found
 * by its id, and there are as many as `answers` says.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

interface Task {
  readonly protocol: 'udp' | 'tcp';
  readonly messages: readonly string[];
  readonly answers: number;
  /** Asks until there is an answer, and prints `sent` when it has asked for the first time. */
  readonly isPatient?: boolean;
}

const server = '127.0.0.11';

function overUdp({ messages, answers }: Task): Promise<string[]> {
  const socket = createSocket('udp4');
  const result: string[] = [];
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (message) => {
      result.push(message.toString('hex'));
      if (result.length < answers) return;
      socket.close();
      resolve(result);
    });
    for (const message of messages) socket.send(Buffer.from(message, 'hex'), 53, server);
  });
}

/** As resolvers do it: over a connected socket, which is told when nobody listens. */
function untilAnswered({ messages: [message = ''] }: Task): Promise<string[]> {
  const socket = createSocket('udp4');
  return new Promise((resolve, reject) => {
    let timer: Timer | undefined;
    socket.on('error', reject);
    socket.on('message', (answer) => {
      clearInterval(timer);
      socket.close();
      resolve([answer.toString('hex')]);
    });
    socket.connect(53, server, () => {
      socket.send(Buffer.from(message, 'hex'), () => process.stdout.write('sent\n'));
      timer = setInterval(() => socket.send(Buffer.from(message, 'hex')), 50);
    });
  });
}

function overTcp({ messages, answers }: Task): Promise<string[]> {
  const result: string[] = [];
  let received = Buffer.alloc(0);
  return new Promise((resolve) => {
    const socket = connect(53, server);
    const end = (): void => {
      socket.destroy();
      resolve(result);
    };
    socket.on('error', end);
    socket.on('close', end);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        result.push(received.toString('hex', 2, 2 + received.readUInt16BE(0)));
        received = received.subarray(2 + received.readUInt16BE(0));
      }
      if (result.length >= answers) end();
    });
    for (const message of messages) {
      const bytes = Buffer.from(message, 'hex');
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length, 0);
      socket.write(Buffer.concat([length, bytes]));
    }
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const task = JSON.parse(line) as Task;
  const ask = task.isPatient === true ? untilAnswered : task.protocol === 'udp' ? overUdp : overTcp;
  const answers = await ask(task);
  process.stdout.write(`${JSON.stringify(answers)}\n`);
}
