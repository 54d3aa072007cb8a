import type { Schema } from '../json/schema.ts';
import type { ParameterKind } from './discover.ts';

/** A generator of the same numbers in every run (mulberry32), so that what fails once fails again. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const texts = [
  '',
  'x',
  '..',
  '-1',
  '\u0000',
  '\u001b[2J\r\n',
  'é\ud800',
  '{{.}}',
  '/',
  'a'.repeat(5000),
  '%s%n',
  "'; --",
  '1e9',
];
const numbers = ['0', '-1', '1', '9223372036854775807', '-9223372036854775808', '4294967296', '65536', '1000000000000'];

/** Values of a parameter, URL-encoded; `wrong` are those that no endpoint may take. */
export function parameterValues(kind: ParameterKind): {
  readonly any: readonly string[];
  readonly wrong: readonly string[];
} {
  const any = [...texts, ...numbers].map((text) => encodeURIComponent(text.replace(/[\ud800-\udfff]/g, '')));
  const json = (text: string): string => encodeURIComponent(text);
  switch (kind) {
    case 'integer':
      return { any, wrong: ['x', '1.5', '1e400', '99999999999999999999', '%00'] };
    case 'extent':
      return { any, wrong: ['x', '-1', '4294967296', '1.5', '%00'] };
    case 'time':
      return { any, wrong: ['x', '%00', 'yesterday'] };
    case 'filters':
      return {
        any: [...any, json('{"label":["a=b","\\u0000"]}'), json('null'), json('{"status":{"x":true}}')],
        wrong: [
          '{',
          '[]',
          '5',
          '"x"',
          '{"label":5}',
          '{"label":[1]}',
          '{"label":{"a":{"b":{}}}}',
          '['.repeat(5000),
        ].map(json),
      };
    default:
      return { any, wrong: [] };
  }
}

/** A place in a schema: how to write a JSON text that has a given value just there. */
interface Place {
  readonly path: string;
  readonly schema: Schema;
  readonly wrap: (value: string) => string;
}

/** Every place of a schema, from the whole down to each field of each list's items. */
export function placesOf(schema: Schema, path = '', wrap: Place['wrap'] = (value) => value): Place[] {
  const here: Place = { path, schema, wrap };
  switch (schema.kind) {
    case 'list':
      return [here, ...placesOf(schema.of, `${path}[]`, (value) => wrap(`[${value}]`))];
    case 'map':
      return [here, ...placesOf(schema.of, `${path}{}`, (value) => wrap(`{"80/tcp":${value}}`))];
    case 'object':
      return [
        here,
        ...Object.entries(schema.fields).flatMap(([name, field]) =>
          placesOf(field, `${path}.${name}`, (value) => wrap(`{${JSON.stringify(name)}:${value}}`)),
        ),
      ];
    default:
      return [here];
  }
}

/** JSON that is nested deeper than any parser likes. */
export const deepValues: readonly string[] = [
  '['.repeat(20_000),
  '{"a":'.repeat(20_000),
  `${'['.repeat(9000)}${']'.repeat(9000)}`,
];

/** JSON texts of a wrong type for a place: each must be refused there. */
export function wrongValues({ kind }: Schema): string[] {
  const all: Record<string, string> = {
    string: '"x"',
    number: '1',
    boolean: 'true',
    list: '[{"a":[]}]',
    object: '{"a":{"b":[]}}',
  };
  const right: Record<Schema['kind'], readonly string[]> = {
    string: ['string'],
    boolean: ['boolean'],
    integer: ['number'],
    list: ['list'],
    map: ['object'],
    object: ['object'],
    words: ['string'],
  };
  const others = Object.entries(all).flatMap(([name, text]) => (right[kind].includes(name) ? [] : [text]));
  return [...others, ...(kind === 'integer' ? ['1.5', '1e300', '-1e300'] : [])];
}

/** JSON texts of the right type for a place, of the sort that nobody thinks of. */
export function oddValues(schema: Schema): string[] {
  switch (schema.kind) {
    case 'boolean':
      return ['true', 'false', 'null'];
    case 'integer':
      return [...numbers, 'null'];
    case 'string':
      return [...texts.map((text) => JSON.stringify(text)), 'null'];
    case 'words':
      return ['[]', '[""]', '"\\u0000"', 'null', `["${'x'.repeat(5000)}"]`];
    case 'list':
      return ['[]', 'null', '[null]', `[${oddValues(schema.of).slice(0, 3).join(',')}]`];
    case 'map':
      return [
        '{}',
        'null',
        `{"":${oddValues(schema.of)[0]}}`,
        `{"__proto__":${oddValues(schema.of)[0]}}`,
        `{"\\u0000/tcp":null}`,
      ];
    case 'object':
      return ['{}', 'null', '{"unknown":{}}', '{"__proto__":{"a":1},"constructor":5}'];
  }
}
