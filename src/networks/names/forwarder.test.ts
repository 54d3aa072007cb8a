import { expect, test } from 'bun:test';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { ReadySet } from '#linux/epoll';
import { socketAddress } from '#linux/socket-address';
import { Forwarder } from './forwarder.ts';
import { query, read } from './testing/messages.ts';

test('of one container 1,024 questions are on their way and 4,096 wait; more are refused, and those of others are not', async () => {
  // It takes questions and says nothing.
  const silent = createSocket('udp4').bind(0, '127.0.0.1');
  await once(silent, 'listening');
  using ready = new ReadySet();
  const forwarder = new Forwarder(ready);
  const address = socketAddress('127.0.0.1', silent.address().port);
  const upstreams = [{ address, namespacePath: undefined, key: 'silent' }];
  const answers: (Buffer | undefined)[] = [];
  const ask = (containerId: string, id: number): void => {
    const asked = query('x.example', 'A', { id });
    const answer = (message: Buffer | undefined): void => void answers.push(message);
    const common = { containerId, protocol: 'udp', upstreams } as const;
    forwarder.forward({ ...common, query: asked, questionEnd: asked.length, answer });
  };
  const most = 1024 + 4096;
  for (let id = 0; id < most; id++) ask('many', id);
  expect(answers).toEqual([]);
  ask('many', most);
  ask('another', 1);
  expect(answers.map((answer) => answer && read(answer))).toMatchObject([{ id: most, code: 'REFUSED', data: [] }]);
  for (const containerId of ['many', 'another']) forwarder.drop(containerId);
  forwarder.sweep(performance.now() + 60_000);
  expect(answers).toHaveLength(1);
  silent.close();
});
