import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { discoverShapes, type RequestShape } from '../../src/http/testing/discover.ts';
import {
  deepValues,
  oddValues,
  parameterValues,
  placesOf,
  randomFrom,
  wrongValues,
} from '../../src/http/testing/mutants.ts';
import { startEngine, type TestEngine, until } from '../harness/index.ts';

let engine: TestEngine;
let shapes: readonly RequestShape[];
/** What the engine held before anything was done to it. */
let quiet: { descriptors: number; residentBytes: number };

const descriptors = (): number => readdirSync(`/proc/${engine.pid()}/fd`).length;
/** Connections that the engine has accepted on its socket (proc(5), /proc/net/unix: state 3 is connected). */
const connections = (): number =>
  readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .filter((line) => / 03 +\d+ /.test(line) && line.endsWith(` ${engine.socket}`)).length;
const residentBytes = (): number =>
  1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${engine.pid()}/status`, 'utf8'))?.[1]);

beforeAll(async () => {
  engine = await startEngine();
  // Not stopped, and no registry asked.
  const left = new Set(['/estiba/stop', '/auth', '/images/search', '/distribution/{name}/json']);
  shapes = (await discoverShapes()).filter(({ pattern }) => !left.has(pattern));
  await engine.dockerOk('run', '--rm', 'busybox', 'true');
  quiet = { descriptors: descriptors(), residentBytes: residentBytes() };
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const names = ['..%2F..%2Fetc%2Fpasswd', '%00', '%ff%fe', 'a'.repeat(4000), '%20', "';drop table records;--", '*'];

interface Answer {
  readonly what: string;
  readonly status: number;
  readonly text: string;
}

async function ask(method: string, path: string, body?: string): Promise<Answer> {
  const what = `${method} ${path.slice(0, 120)} ${(body ?? '').slice(0, 120)}`;
  // Streams that go on for ever have answered with their head.
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 20_000);
  try {
    const response = await fetch(`http://estiba${path}`, {
      unix: engine.socket,
      method,
      signal: abort.signal,
      redirect: 'manual',
      // No connection is kept: what is open in the end is the engine's own.
      headers: { 'Content-Type': 'application/json', Connection: 'close' },
      ...(body === undefined || method === 'GET' || method === 'HEAD' ? {} : { body }),
    });
    const text = response.status >= 400 || response.status === 201 ? await response.text() : '';
    abort.abort();
    return { what, status: response.status, text };
  } catch (error) {
    return { what, status: 0, text: String(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Where Docker itself answers with 500 what is the caller's fault. */
const dockersOwn =
  /^\{"message":"(?:Cannot (?:update|restart) container|Container \w+ is not paused|Conflict, cannot remove the default link|no upgrade proto in request|Cannot locate specified Dockerfile)/;

/** No answer at all, or one that blames the engine; what is not there yet may be refused by name. */
function isFailure({ what, status, text }: Answer): boolean {
  if (status < 500) return status === 0;
  if (dockersOwn.test(text) || (status === 501 && what.startsWith('HEAD '))) return false;
  return !/is not implemented|not supported|swarm|experimental/.test(text);
}

/** Bodies for a route: odd and wrong values at every place of its schema, of the many a part, the same in each run. */
function bodiesOf({ pattern, body }: RequestShape): (string | undefined)[] {
  if (typeof body !== 'object') return [undefined, 'not json', '{"Image":', '[]'];
  const pick = randomFrom(pattern.length);
  const start = pattern === '/containers/create' ? '{"Image":"busybox","Cmd":["true"],' : '{';
  const places = placesOf(body).flatMap((place) =>
    [...oddValues(place.schema), ...wrongValues(place.schema)].map((value) => place.wrap(value)),
  );
  const some = places.filter(() => pick(places.length) < 250).map((text) => text.replace(/^\{(?=")/, start));
  return [...some, ...deepValues, undefined, 'not json', 'null', '[]', `{"Image":"${'x'.repeat(200_000)}"}`];
}

function targetsOf({ pattern, parameters }: RequestShape): string[] {
  const pick = randomFrom(pattern.length + 7);
  const paths = pattern.includes('{')
    ? ['fuzzed', ...names].map((name) => pattern.replace(/\{\w+\}/g, name))
    : [pattern];
  const queries = Array.from({ length: 6 }, () =>
    [...parameters].map(([key, kind]) => {
      const { any, wrong } = parameterValues(kind);
      const values = [...any, ...wrong];
      return `${key}=${values[pick(values.length)]}`;
    }),
  );
  return paths.flatMap((path, index) =>
    (index === 0 ? ['', ...queries.map((query) => `?${query.join('&')}`)] : ['']).map((query) => path + query),
  );
}

const isThere = async (): Promise<boolean> => (await engine.request('GET', '/containers/fuzzed/json')).ok;

test('whatever is sent to whichever endpoint: an answer in Docker’s form, and nothing made by what was refused', async () => {
  const before = engine.pid();
  const failures: Answer[] = [];
  const made = new Set<string>();
  for (const shape of shapes) {
    if (!(await isThere()))
      await engine.request('POST', '/containers/create?name=fuzzed', { Image: 'busybox', Cmd: ['true'] });
    const [first = ''] = targetsOf(shape);
    const requests = [
      ...targetsOf(shape).map((target) => ask(shape.method, target)),
      ...bodiesOf(shape).map((body) => ask(shape.method, first, body)),
    ];
    for (const answer of await Promise.all(requests)) {
      if (isFailure(answer)) failures.push(answer);
      const parsed =
        answer.status === 201 && answer.text.startsWith('{') ? (JSON.parse(answer.text) as Record<string, string>) : {};
      const id = shape.pattern === '/containers/create' ? parsed.Id : undefined;
      if (id !== undefined) made.add(id);
    }
  }
  expect(failures.map(({ what, status, text }) => `${status} ${what}: ${text.slice(0, 200)}`)).toEqual([]);
  expect(engine.pid()).toBe(before);
  for (const { Id, Names } of await engine.get<{ Id: string; Names: string[] }[]>('/containers/json?all=1')) {
    expect(made.has(Id) || Names[0] === '/fuzzed' ? 'made' : Names).toBe('made');
    expect((await engine.request('DELETE', `/containers/${Id}?force=1&v=1`)).status).toBe(204);
  }
  await engine.dockerOk('volume', 'prune', '-af');
}, 120_000);

test('a create of the wrong type in any place makes nothing', async () => {
  const body = shapes.find(({ pattern }) => pattern === '/containers/create')?.body;
  if (typeof body !== 'object') throw new Error('create has no schema');
  const texts = placesOf(body).flatMap((place) => wrongValues(place.schema).map((value) => place.wrap(value)));
  const answers = await Promise.all(texts.map((text) => ask('POST', '/containers/create', text)));
  expect(answers.filter(({ status }) => status !== 400)).toEqual([]);
  expect(await engine.dockerOk('ps', '-aq')).toBe('');
});

/** Sends raw bytes and returns what comes until the connection ends. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(engine.socket);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    socket.end(bytes, 'latin1');
  });
}

test('what is no HTTP gets 400 or the door', async () => {
  const create = 'POST /containers/create HTTP/1.1\r\nHost: x\r\n';
  const attempts = [
    'GARBAGE\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'GET /_ping HTTP/9.9\r\n\r\n',
    'GET /_ping\r\n\r\n',
    `GET /${'x'.repeat(300_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /_ping HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(400_000)}\r\n`,
    `${create}Content-Length: -5\r\n\r\n`,
    `${create}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${create}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    `${create}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n`,
  ];
  const answers = await Promise.all(attempts.map(raw));
  for (const [index, answer] of answers.entries()) {
    const line = answer.split('\r\n')[0] ?? '';
    expect(`${attempts[index]?.slice(0, 40)} -> ${/^HTTP\/1\.1 4\d\d |^$/.test(line) ? 'refused' : line}`).toEndWith(
      'refused',
    );
  }
});

/** Streams a body of 100 MB, for as long as it is taken, and returns the first line of the answer. */
async function pour(path: string, type: string): Promise<string> {
  const socket = connect(engine.socket);
  let answer = '';
  let open = true;
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  let go = (): void => undefined;
  socket.on('drain', () => go());
  socket.on('close', () => {
    open = false;
    go();
  });
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: 104857600\r\n\r\n`);
  const piece = Buffer.alloc(1024 * 1024, 'x');
  for (let count = 0; count < 100 && open; count += 1) {
    if (!socket.write(piece)) {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
    }
  }
  await until('an answer', () => answer.includes('\r\n\r\n') || !open, 30_000);
  socket.destroy();
  return answer.split('\r\n')[0] ?? '';
}

test('bodies of 100 MB are neither kept nor waited for', async () => {
  const json = [
    '/containers/create',
    '/volumes/create',
    '/containers/x/exec',
    '/containers/x/update',
    '/networks/create',
  ];
  const lines = await Promise.all([
    ...json.map((path) => pour(path, 'application/json')),
    pour('/images/load', 'application/x-tar'),
    pour('/images/create?fromSrc=-', 'application/x-tar'),
  ]);
  for (const line of lines) expect(line).toMatch(/^$|^HTTP\/1\.1 (?:200|4\d\d|501) /);
  expect(await engine.dockerOk('images', '--format', '{{.Repository}}')).toBe('busybox');
}, 120_000);

test('slow clients, and clients that vanish in mid-stream, hold nobody up and leave nothing', async () => {
  await engine.dockerOk('run', '-d', '--name', 'talks', 'busybox', 'sh', '-c', 'while echo x; do usleep 10000; done');
  const head = (line: string, length: number) =>
    `${line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
  const upgrade =
    'POST /containers/talks/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n';
  const openings = [
    'GET /_pi',
    'POST /containers/create HTTP/1.1\r\nHost',
    `${head('POST /containers/create', 1000)}{"Image":`,
    `${head('POST /images/load', 100_000)}half of an archive`,
    `${head('POST /images/create?fromSrc=-', 100_000)}${'\0'.repeat(700)}`,
    'GET /events HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /containers/talks/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /containers/talks/stats HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST /containers/talks/wait HTTP/1.1\r\nHost: x\r\n\r\n',
    upgrade,
  ];
  const sockets: Socket[] = openings.flatMap((bytes) =>
    Array.from({ length: 10 }, () => {
      const socket = connect(engine.socket);
      socket.on('error', () => {});
      socket.write(bytes, 'latin1');
      // Never read: what it is sent has to wait for it, and nobody else.
      return socket.pause();
    }),
  );
  await until('all to be connected', () => connections() >= sockets.length);
  expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'well')).toBe('well');
  for (const socket of sockets) socket.destroy();
  await engine.dockerOk('rm', '-f', 'talks');
  // Some are kept: connections of this process, and what waits for the next work. It is far less than came.
  await until('all connections to be closed', () => connections() <= 10, 30_000);
  await until('all descriptors to be closed', () => descriptors() <= quiet.descriptors + 30, 30_000);
}, 120_000);

test('nothing came of all that', async () => {
  expect(await engine.dockerOk('ps', '-aq')).toBe('');
  expect(await engine.settledLeftovers()).toEqual([]);
  // Some 700 MB went through; what is kept of them would show.
  expect(residentBytes() - quiet.residentBytes).toBeLessThan(250 * 1024 * 1024);
  expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'well')).toBe('well');
});
