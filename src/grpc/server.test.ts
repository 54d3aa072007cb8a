import { afterEach, describe, expect, test } from 'bun:test';
import { once } from 'node:events';
import { EstibaError, fail } from '#std/errors';
import { GrpcError, statusCodes } from './failure.ts';
import { openEcho } from './testing/echo.ts';

const opened: ReturnType<typeof openEcho>[] = [];

function open(...handlers: Parameters<typeof openEcho>) {
  const echo = openEcho(...handlers);
  opened.push(echo);
  return echo;
}

afterEach(async () => {
  for (const { connection, server } of opened.splice(0)) {
    connection.close();
    await Promise.all([connection.closed, server.closed]);
  }
});

async function failureOf(call: Promise<unknown>): Promise<GrpcError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof GrpcError) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of messages) all.push(one);
  return all;
}

async function* pieces(count: number, size: number) {
  for (let index = 0; index < count; index += 1) yield { data: Buffer.alloc(size, index) };
}

describe('calls', () => {
  test('of each kind', async () => {
    const { client } = open();
    expect((await client.Say({ text: 'grüße' })).text).toBe('grüße');
    expect((await collect(client.Repeat({ text: 'x', count: 3 }))).map(({ text }) => text)).toEqual([
      'x 0',
      'x 1',
      'x 2',
    ]);
    expect((await client.Join(pieces(50, 100_000))).count).toBe(5_000_000);
    const talk = client.Talk();
    const heard = collect(talk.messages);
    await talk.send({ text: 'a' });
    await talk.send({ text: '' });
    talk.end();
    expect((await heard).map(({ text }) => text)).toEqual(['a', '']);
  });

  test('many at once, none before the other', async () => {
    const { client } = open();
    const said = await Promise.all(Array.from({ length: 200 }, (_, index) => client.Say({ text: `${index}` })));
    expect(said.map(({ text }) => Number(text))).toEqual(Array.from({ length: 200 }, (_, index) => index));
  });

  test('a message larger than the window comes whole, one that is too large is refused', async () => {
    const { client } = open();
    const data = Buffer.alloc(16 * 1024 * 1024 - 100, 7);
    expect(Buffer.compare((await client.Say({ data })).data, data)).toBe(0);
    const failure = await failureOf(client.Say({ data: Buffer.alloc(16 * 1024 * 1024) }));
    expect(failure.code).toBe(statusCodes['resource-exhausted']);
    expect(failure.message).toMatch(/^grpc: received message larger than max \(\d+ vs\. 16777216\)$/);
    expect((await client.Say({ text: 'still here' })).text).toBe('still here');
  });

  test('metadata goes along', async () => {
    const { client } = open({
      Say: (_, { metadata }) => ({ text: JSON.stringify([...metadata]) }),
    });
    const { text } = await client.Say({}, { metadata: { 'X-One': '1', many: ['a', 'b'] } });
    expect(JSON.parse(text)).toEqual([
      ['x-one', ['1']],
      ['many', ['a', 'b']],
    ]);
  });
});

describe('failures', () => {
  test('text, code and details arrive', async () => {
    const details = [{ typeUrl: 'type.test/Where', value: Buffer.from([1, 2]) }];
    const { client } = open({
      Say: () => {
        throw new GrpcError(statusCodes.unknown, 'Ä 100% of\nit', details);
      },
    });
    const failure = await failureOf(client.Say({}));
    expect([failure.code, failure.message]).toEqual([statusCodes.unknown, 'Ä 100% of\nit']);
    expect(failure.details.map(({ typeUrl, value }) => [typeUrl, [...value]])).toEqual([['type.test/Where', [1, 2]]]);
  });

  test('after messages, they come first', async () => {
    const { client } = open();
    const talk = client.Talk();
    await talk.send({ text: 'a' });
    await talk.send({ text: 'fail' });
    const heard: string[] = [];
    const listening = (async () => {
      for await (const { text } of talk.messages) heard.push(text);
    })();
    expect((await failureOf(listening)).code).toBe(statusCodes['already-exists']);
    expect(heard).toEqual(['a']);
  });

  test('kinds of errors have codes, and codes have kinds', async () => {
    const { client } = open({
      Say: ({ text }) => {
        throw text === '' ? new Error('oops') : fail('not-found', text);
      },
    });
    const failure = await failureOf(client.Say({ text: 'no such thing' }));
    expect([failure.code, failure.kind, failure.message]).toEqual([5, 'not-found', 'no such thing']);
    expect((await failureOf(client.Say({}))).code).toBe(statusCodes.unknown);
  });

  test('what is not served is named', async () => {
    const { client } = open();
    const failure = await failureOf(client.Missing({}));
    expect([failure.code, failure.message]).toEqual([12, 'unknown method Missing for service test.Echo']);
  });

  test('a deadline ends the call on both sides', async () => {
    const ended = Promise.withResolvers<void>();
    const { client } = open({
      Say: async (_, { signal }) => {
        await once(signal, 'abort');
        ended.resolve();
        return {};
      },
    });
    expect((await failureOf(client.Say({}, { timeoutMs: 20 }))).code).toBe(statusCodes['deadline-exceeded']);
    await ended.promise;
  });

  test('a client that cancels is told to the handler', async () => {
    const aborted = Promise.withResolvers<unknown>();
    const { client } = open({
      async Talk({ send }, { signal }) {
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        await send({ text: 'begun' });
        await aborted.promise;
      },
    });
    const stop = new AbortController();
    const talk = client.Talk({ signal: stop.signal });
    const heard = talk.messages[Symbol.asyncIterator]();
    await heard.next();
    stop.abort(fail('cancelled', 'enough'));
    expect(await aborted.promise).toBeInstanceOf(EstibaError);
    expect(await heard.next().catch((error: unknown) => error)).toMatchObject({ message: 'enough' });
    await expect(talk.send({})).rejects.toThrow();
  });

  test('a reader that leaves ends the call', async () => {
    const aborted = Promise.withResolvers<void>();
    const { client } = open({
      async *Repeat(_, { signal }) {
        signal.addEventListener('abort', () => aborted.resolve());
        for (;;) yield { text: 'again' };
      },
    });
    for await (const { text } of client.Repeat({})) {
      expect(text).toBe('again');
      break;
    }
    await aborted.promise;
  });

  test('a connection that ends fails what is under way', async () => {
    const begun = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    const { client, connection, near } = open({
      Say: async (_, { signal }) => {
        signal.addEventListener('abort', () => aborted.resolve());
        begun.resolve();
        await aborted.promise;
        return {};
      },
    });
    const saying = client.Say({}).catch((error: unknown) => error);
    await begun.promise;
    near.destroy();
    expect(await saying).toMatchObject({ kind: 'unavailable' });
    await aborted.promise;
    await connection.closed;
    expect(connection.signal.aborted).toBe(true);
    await expect(client.Say({})).rejects.toThrow('the connection is closed');
  });
});

describe('back-pressure', () => {
  test('a server that does not read holds its client back, and gets all in the end', async () => {
    const reading = Promise.withResolvers<void>();
    let arrived = 0;
    const { client } = open({
      async Talk({ messages, send }) {
        await reading.promise;
        for await (const { data } of messages) arrived += data.byteLength;
        await send({ text: 'all' });
      },
    });
    const talk = client.Talk();
    let sent = 0;
    const total = 200 * 65_536;
    const sending = (async () => {
      for (; sent < total; sent += 65_536) await talk.send({ data: Buffer.alloc(65_536) });
      talk.end();
    })();
    // What is taken without a reader: the window, and what lies on the way.
    for (let last = -1; last !== sent; ) {
      last = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(sent).toBeLessThan(4 * 1024 * 1024);
    reading.resolve();
    await sending;
    expect((await collect(talk.messages)).map(({ text }) => text)).toEqual(['all']);
    expect(arrived).toBe(total);
  });

  test('one call that is held back holds no other', async () => {
    const { client } = open({
      async Talk(_, { signal }) {
        await once(signal, 'abort');
      },
    });
    const talk = client.Talk();
    const sending = (async () => {
      for (;;) await talk.send({ data: Buffer.alloc(65_536) });
    })();
    expect((await client.Join(pieces(100, 65_536))).count).toBe(100 * 65_536);
    talk.cancel();
    await expect(sending).rejects.toThrow();
  });
});
