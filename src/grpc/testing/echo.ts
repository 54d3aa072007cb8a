import { duplexPair } from 'node:stream';
import { connectGrpc } from '../client.ts';
import { failCall } from '../failure.ts';
import { bytes, int64, string } from '../fields.ts';
import { implement } from '../implement.ts';
import { message } from '../message.ts';
import { serveGrpc } from '../server.ts';
import { bidirectional, clientStream, serverStream, service, unary } from '../service.ts';
import type { Handlers } from '../types.ts';

export const word = message({ text: string(1), data: bytes(2), count: int64(3) });

/** A service with a method of each kind. */
export const echoService = service('test.Echo', {
  Say: unary(word, word),
  Repeat: serverStream(word, word),
  Join: clientStream(word, word),
  Talk: bidirectional(word, word),
  Missing: unary(word, word),
});

/** What each method does unless a test says otherwise: it gives back what it gets. */
export const echoing: Handlers<typeof echoService> = {
  Say: async ({ text, data }) => ({ text, data }),
  async *Repeat({ text, count }) {
    for (let index = 0; index < count; index += 1) yield { text: `${text} ${index}` };
  },
  async Join(messages) {
    let count = 0;
    for await (const { data } of messages) count += data.byteLength;
    return { count };
  },
  async Talk({ messages, send }) {
    for await (const said of messages) {
      if (said.text === 'fail') throw failCall('already-exists', 'Ä 100% of it');
      await send(said);
    }
  },
};

/** A client and a server, joined by a pair of streams. */
export function openEcho(handlers: Handlers<typeof echoService> = {}) {
  const [near, far] = duplexPair();
  const server = serveGrpc(far, [implement(echoService, { ...echoing, ...handlers })]);
  const connection = connectGrpc(near);
  return { near, far, server, connection, client: connection.client(echoService) };
}
