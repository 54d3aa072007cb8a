import { expect, test } from 'bun:test';
import { canonicalText } from './canonical.ts';
import { createVertex } from './create-vertex.ts';
import { printGraph } from './print.ts';
import type { Edge, Vertex } from './vertex.ts';
import { verticesOf } from './walk.ts';

const platform = { os: 'linux', architecture: 'amd64' };

function source(identifier: string, more: Partial<Vertex> = {}): Vertex {
  const operation = { type: 'source', identifier, attributes: {} } as const;
  return createVertex({ operation, inputs: [], platform, name: identifier, isUncached: false, ...more });
}

function merge(...inputs: Edge[]): Vertex {
  return createVertex({ operation: { type: 'merge' }, inputs, platform, name: 'merged', isUncached: false });
}

const at = (vertex: Vertex, output = 0): Edge => ({ vertex, output });

test('a value has one text whatever the order of its keys, and bytes are told apart', () => {
  expect(canonicalText({ b: [1, { d: undefined, c: 2n }], a: 'x' })).toBe('{"a":"x","b":[1,{"c":"2"}]}');
  expect(canonicalText(new Uint8Array([1, 2]))).toBe('{"base64":"AQI="}');
  expect(canonicalText(Buffer.from([1, 2]))).toBe('{"base64":"AQI="}');
  expect(canonicalText(new Map([['b', 1] as const, ['a', 2] as const]))).toBe('{"a":2,"b":1}');
});

test("a vertex's digest follows from what it does, and not from what it is called", () => {
  const one = source('local://context');
  expect(one.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(source('local://context', { name: 'other' }).digest).toBe(one.digest);
  const others = [
    source('local://dockerfile'),
    source('local://context', { isUncached: true }),
    source('local://context', { platform: { os: 'linux', architecture: 'arm64' } }),
    merge(at(one)),
    merge(at(one, 1)),
    merge(at(one), at(one)),
  ];
  expect(new Set([one, ...others].map(({ digest }) => digest)).size).toBe(7);
});

test('a graph is walked and printed inputs first, each vertex once', () => {
  const base = source('docker-image://docker.io/library/busybox:latest');
  const left = merge(at(base));
  const right = merge(at(base), at(left, 1));
  const end = merge(at(left), at(right));
  expect(verticesOf([at(end)])).toEqual([base, left, right, end]);
  expect(printGraph([at(end)])).toBe(
    [
      '0: source docker-image://docker.io/library/busybox:latest linux/amd64 — docker-image://docker.io/library/busybox:latest',
      '1: merge (0) linux/amd64 — merged',
      '2: merge (0, 1:1) linux/amd64 — merged',
      '3: merge (1, 2) linux/amd64 — merged',
      'ends in 3\n',
    ].join('\n'),
  );
});

test('a graph may be as deep as a file is long', () => {
  let vertex = source('local://context');
  for (let depth = 0; depth < 20_000; depth++) vertex = merge(at(vertex));
  expect(verticesOf([at(vertex)])).toHaveLength(20_001);
});
