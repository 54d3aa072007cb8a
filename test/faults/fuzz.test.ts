import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startEngine, type TestEngine } from '../harness/index.ts';
import { projectRoot } from '../law/sources.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** Every endpoint that the engine has, read from its own table. */
const endpoints = [
  ...readFileSync(join(projectRoot, 'src/http/routes.ts'), 'utf8').matchAll(
    /\['(GET|POST|PUT|DELETE|HEAD)', '([^']+)'/g,
  ),
]
  .map(([, method = '', path = '']) => ({ method, path }))
  .filter(({ path }) => path !== '/estiba/stop');

const names = [
  'no-such-thing',
  '..%2F..%2Fetc%2Fpasswd',
  '%00',
  '%ff%fe',
  'a'.repeat(4000),
  '%20',
  "';drop table records;--",
  '*',
];
const queries = [
  '',
  'filters=%7B',
  'filters=%5B%5D',
  'filters=%7B%22status%22%3A5%7D',
  'filters=%7B%22no-such-filter%22%3A%5B%22x%22%5D%7D',
  'limit=x&tail=x&since=x&until=x&t=x&h=-1&w=99999999999&signal=NOPE&condition=nope&fromImage=%20&repo=UPPER',
  'name=%2F..%2F&tag=%00&platform=%00&size=maybe&force=maybe&stream=1&stdout=1',
  `q=${'x'.repeat(6000)}`,
  '%',
];
const bodies: (string | Uint8Array | undefined)[] = [
  undefined,
  'not json',
  '{"Image":',
  'null',
  '[]',
  '"text"',
  '{"Image":5}',
  '{"Image":"busybox","Cmd":{"a":1},"Env":"A=1"}',
  '{"Image":"busybox","HostConfig":{"Memory":"much","PortBindings":[],"Binds":5}}',
  '{"Image":"busybox","HostConfig":{"Memory":-7,"NanoCpus":1e300,"PidsLimit":"x"}}',
  '{"Image":"busybox","HostConfig":{"PortBindings":{"99999/tcp":[{"HostPort":"-1"}]}}}',
  '{"Image":"busybox","HostConfig":{"Binds":["relative:/x:zz","/a"],"NetworkMode":"container:"}}',
  '{"Cmd":null,"AttachStdout":"yes"}',
  `${'['.repeat(20_000)}`,
  `{"Image":"${'x'.repeat(200_000)}"}`,
  '{"__proto__":{"a":1},"constructor":5,"Image":"busybox","Labels":{"__proto__":"x"},"Entrypoint":[5]}',
  new Uint8Array([0, 255, 254, 1, 2, 3]),
];

interface Answer {
  readonly what: string;
  readonly status: number;
}

async function ask(method: string, path: string, body: string | Uint8Array | undefined): Promise<Answer> {
  const what = `${method} ${path.slice(0, 120)} ${String(body).slice(0, 80)}`;
  // Streams that go on for ever (events) have answered with their head.
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 5000);
  try {
    const response = await fetch(`http://estiba${path}`, {
      unix: engine.socket,
      method,
      signal: abort.signal,
      headers: { 'Content-Type': 'application/json' },
      ...(body === undefined || method === 'GET' || method === 'HEAD' ? {} : { body }),
    });
    abort.abort();
    return { what, status: response.status };
  } catch {
    return { what, status: 0 };
  } finally {
    clearTimeout(timer);
  }
}

test('there are endpoints to fuzz', () => {
  expect(endpoints.length).toBeGreaterThan(40);
});

test('whatever is sent to whichever endpoint: an answer, and no failure of the engine', async () => {
  const before = engine.pid();
  const failures: Answer[] = [];
  for (const { method, path } of endpoints) {
    const targets = path.includes('{') ? names.map((name) => path.replace(/\{[^}]*\}/g, name)) : [path];
    const requests = targets.flatMap((target) => [
      ...queries.map((query) => ask(method, query === '' ? target : `${target}?${query}`, undefined)),
      // One name suffices for the bodies.
      ...(target === targets[0] ? bodies.map((body) => ask(method, target, body)) : []),
    ]);
    for (const answer of await Promise.all(requests)) {
      if (answer.status === 0 || (answer.status >= 500 && answer.status !== 501)) failures.push(answer);
    }
  }
  expect(failures).toEqual([]);
  expect(engine.pid()).toBe(before);
  expect((await engine.request('GET', '/_ping')).status).toBe(200);
}, 180_000);

test('a create that makes no sense is refused, and makes nothing', async () => {
  for (const body of bodies.filter((candidate) => typeof candidate === 'string' && candidate !== '[]')) {
    const { what, status } = await ask('POST', '/containers/create', body);
    expect(`${status >= 400 && status < 500 ? '4xx' : status} ${what}`).toBe(`4xx ${what}`);
  }
});

/** Sends raw bytes and returns what comes until the connection ends, or after two seconds. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(engine.socket);
    const end = (): void => {
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(end, 2000);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.write(bytes, 'latin1');
  });
}

test('what is no HTTP gets 400 or the door', async () => {
  const attempts = [
    'GARBAGE\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'GET /_ping HTTP/9.9\r\n\r\n',
    'GET /_ping\r\n\r\n',
    `GET /${'x'.repeat(200_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /_ping HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(400_000)}\r\n`,
    'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
    'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n',
  ];
  const answers = await Promise.all(attempts.map(raw));
  for (const [index, answer] of answers.entries()) {
    const line = answer.split('\r\n')[0] ?? '';
    expect(`${attempts[index]?.slice(0, 40)} -> ${/^HTTP\/1\.1 4\d\d |^$/.test(line) ? 'refused' : line}`).toEndWith(
      'refused',
    );
  }
  expect((await engine.request('GET', '/_ping')).status).toBe(200);
});

test('nothing came of all that', async () => {
  expect((await engine.dockerOk('ps', '-aq')).split('\n').filter((id) => id !== '').length).toBe(0);
  expect(await engine.settledLeftovers()).toEqual([]);
  expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'well')).toBe('well');
});
