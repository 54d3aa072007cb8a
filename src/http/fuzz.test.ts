import { beforeAll, describe, expect, test } from 'bun:test';
import { createApi } from './api.ts';
import type { ApiResponse } from './exchange.ts';
import { discoverShapes, knownNames, type RequestShape, readSome } from './testing/discover.ts';
import { memoryFeatures } from './testing/features.ts';
import { deepValues, oddValues, parameterValues, placesOf, randomFrom, wrongValues } from './testing/mutants.ts';
import { RawClient, request, serveMemory, until } from './testing/raw-client.ts';

let shapes: readonly RequestShape[];
beforeAll(async () => {
  shapes = await discoverShapes();
});

/** Routes whose body is bytes, not JSON. */
const streams = new Set(['POST /images/create', 'POST /images/load', 'PUT /containers/{name}/archive', 'POST /build']);

/** The API over features of its own with a running container `aa`. */
async function openOne() {
  const features = memoryFeatures();
  await features.containers.create('aa', { Image: 'busybox' });
  await features.containers.start('aa');
  const api = createApi(features);
  const ask = async (method: string, target: string, options: Parameters<typeof request>[2] = {}) => {
    const abort = new AbortController();
    const answer = await api.handle(request(method, target, { ...options, signal: abort.signal }));
    abort.abort(new Error('enough'));
    return { ...answer, text: await readSome(answer) };
  };
  return { ...features, ask };
}

function targetOf(
  { pattern }: RequestShape,
  query: string,
  name = knownNames[pattern.split('/')[1] ?? ''] ?? 'aa',
): string {
  return `${pattern.replace(/\{\w+\}/g, name)}?${query}`;
}

/** What is wrong with an answer to a request that may be anything: nothing, as long as it is an answer in Docker's form. */
function faultOf({ status, headers, text }: ApiResponse & { text: string }): string | undefined {
  if (status < 400) return undefined;
  if (status >= 500 && !/is not implemented|not supported|swarm|experimental/.test(text)) return `${status} ${text}`;
  // Attach answers in its own way, as Docker does.
  if (headers['Content-Type'] === 'application/vnd.docker.raw-stream') return undefined;
  if (headers['Content-Type'] !== 'application/json') return `${status} as ${headers['Content-Type']}`;
  const { message, ...rest } = JSON.parse(text) as { message?: unknown };
  return typeof message === 'string' && message !== '' && Object.keys(rest).length === 0
    ? undefined
    : `${status} ${text}`;
}

describe('from the shape of each route', () => {
  test('every route has one', () => {
    const strange = shapes.filter(
      ({ method, pattern, body }) => body === 'stream' && !streams.has(`${method} ${pattern}`),
    );
    expect(
      strange.map(({ method, pattern }) => `${method} ${pattern} reads a body, but decodes it by no schema`),
    ).toEqual([]);
    const create = shapes.find(({ pattern }) => pattern === '/containers/create');
    expect([...(create?.parameters ?? [])]).toContainEqual(['name', 'text']);
    expect(typeof create?.body).toBe('object');
    const list = shapes.find(({ pattern }) => pattern === '/containers/json');
    expect([list?.parameters.get('limit'), list?.parameters.get('filters')]).toEqual(['integer', 'filters']);
  });

  test('parameters: what cannot be is refused, and nothing that can be sent breaks anything', async () => {
    const { ask, ...features } = await openOne();
    const faults: string[] = [];
    for (const shape of shapes.filter(({ pattern }) => pattern !== '/estiba/stop')) {
      for (const [key, kind] of shape.parameters) {
        const { any, wrong } = parameterValues(kind);
        for (const value of [...any, ...wrong]) {
          const others = [...shape.parameters].flatMap(([other, of]) =>
            other !== key && of === 'extent' ? [`${other}=1`] : [],
          );
          const target = targetOf(
            shape,
            [...others, `${key}=${value}`, ...(key === 'until' ? [] : ['until=1'])].join('&'),
          );
          const answer = await ask(shape.method, target);
          const passed = wrong.includes(value) && answer.status < 400;
          const fault = passed ? `${answer.status}, taken` : faultOf(answer);
          if (fault !== undefined) faults.push(`${shape.method} ${target.slice(0, 100)}: ${fault.slice(0, 200)}`);
        }
      }
    }
    expect(faults).toEqual([]);
    expect(features.containers).toMatchObject({ openAttachments: 0, openLogs: 0, openWaits: 0 });
  });

  test('bodies: a wrong type in any place is refused, and makes nothing', async () => {
    const { ask, containers } = await openOne();
    const faults: string[] = [];
    const before = containers.counts();
    let tried = 0;
    for (const shape of shapes) {
      if (typeof shape.body !== 'object') continue;
      for (const place of placesOf(shape.body)) {
        for (const value of [...wrongValues(place.schema), ...(place.path === '' ? deepValues : [])]) {
          tried += 1;
          const answer = await ask(shape.method, targetOf(shape, 'name=zz'), { body: place.wrap(value) });
          const fault = answer.status === 400 ? faultOf(answer) : `${answer.status} ${answer.text}`;
          if (fault !== undefined)
            faults.push(`${shape.method} ${shape.pattern} ${place.path}=${value.slice(0, 40)}: ${fault.slice(0, 200)}`);
        }
      }
    }
    expect(faults).toEqual([]);
    expect(tried).toBeGreaterThan(500);
    expect(containers.counts()).toEqual(before);
  });

  test('bodies: odd values, doubled and unknown fields, broken JSON', async () => {
    const { ask } = await openOne();
    const faults: string[] = [];
    const note = (what: string, answer: ApiResponse & { text: string }) => {
      const fault = faultOf(answer);
      if (fault !== undefined) faults.push(`${what}: ${fault.slice(0, 200)}`);
    };
    for (const shape of shapes) {
      if (typeof shape.body !== 'object') continue;
      const target = targetOf(shape, '');
      for (const place of placesOf(shape.body)) {
        for (const value of oddValues(place.schema)) {
          const body = place.wrap(value);
          const doubled = body.startsWith('{"') ? `${body.slice(0, -1)},${body.slice(1)}` : body;
          note(`${place.path}=${value.slice(0, 40)}`, await ask(shape.method, target, { body: doubled }));
        }
      }
      const broken = [
        '',
        ' ',
        'null',
        '{',
        '"',
        '{"a"',
        '{"a":',
        '[1,',
        '\u0000',
        '{"a":1e999}',
        '{}{}',
        '\ufeff{}',
        '{"a":"\u0001"}',
        'nul',
      ];
      for (const body of broken)
        note(`${shape.pattern} ${JSON.stringify(body)}`, await ask(shape.method, target, { body }));
      const types = ['text/plain', '/', 'application/json; charset', 'application/x-tar', '\u0001'];
      for (const type of types) {
        note(
          `${shape.pattern} as ${type}`,
          await ask(shape.method, target, { body: '{}', headers: { 'content-type': type } }),
        );
      }
    }
    expect(faults).toEqual([]);
  });

  test('names of all kinds', async () => {
    const { ask } = await openOne();
    const names = [
      '%00',
      '%2e%2e%2f',
      '%zz',
      'a'.repeat(5000),
      '%ff%fe',
      '-1',
      'json',
      'sha256:',
      '%20',
      'é',
      'a//b',
      '*',
    ];
    const faults: string[] = [];
    for (const shape of shapes.filter(({ pattern }) => pattern.includes('{'))) {
      for (const name of names) {
        const answer = await ask(shape.method, targetOf(shape, 'until=1', name));
        const fault = faultOf(answer);
        if (fault !== undefined) faults.push(`${shape.method} ${shape.pattern} ${name.slice(0, 20)}: ${fault}`);
      }
    }
    expect(faults).toEqual([]);
  });
});

test('bytes of all kinds leave the server standing and nothing behind', async () => {
  await using server = await serveMemory();
  const pick = randomFrom(2);
  const seeds = [
    'GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n',
    'POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{"Image":"busybox"}',
    'POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    'POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nabc',
    'POST /exec/x/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}abc',
    'GET /events HTTP/1.1\r\nHost: d\r\n\r\n',
  ];
  const send = async (bytes: Buffer) => {
    const client = new RawClient(server.path);
    client.socket.write(bytes);
    client.halfClose();
    await client.seesEnd();
    client.socket.destroy();
    return client.received;
  };
  for (let round = 0; round < 150; round += 1) {
    const bytes = Buffer.from(seeds[pick(seeds.length)] ?? '', 'latin1');
    for (let changes = pick(4); changes >= 0; changes -= 1) bytes[pick(bytes.length)] = pick(256);
    const answer = await send(bytes.subarray(0, pick(3) === 0 ? pick(bytes.length) : bytes.length));
    expect(answer).not.toMatch(/^HTTP\/1\.1 50[023]/);
  }
  await until('nothing is open', () => server.events.open === 0 && server.containers.openAttachments === 0);
});
