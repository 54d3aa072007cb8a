import { fail, messageOf } from '#std/errors';
import { printf } from './printf.ts';
import type { Operand } from './syntax.ts';
import { describeOperand } from './syntax.ts';
import { goType, isRecord, isTrue, jsonOf, printValue, zeroOf } from './values.ts';

/** What a function takes: kinds of its parameters, and how many at least when they are any number. */
interface TemplateFunction {
  readonly parameters: readonly ('text' | 'number' | 'texts' | 'value')[];
  /** So many at least, of any kind, after the parameters. */
  readonly variadic?: number;
  call(...values: never[]): unknown;
}

const kinds = {
  text: { is: (value: unknown) => typeof value === 'string', constant: 'string', type: 'string' },
  number: { is: (value: unknown) => Number.isInteger(value), constant: 'integer', type: 'int' },
  texts: {
    is: (value: unknown) => value === null || value === undefined || goType(value) === '[]string',
    constant: '[]string',
    type: '[]string',
  },
  value: { is: () => true, constant: '', type: '' },
} as const;

const incompatible = (): Error => fail('invalid-argument', 'incompatible types for comparison');
const isNil = (value: unknown): boolean => value === null || value === undefined;

function same(a: unknown, b: unknown): boolean {
  if (isNil(a) || isNil(b)) return isNil(a) === isNil(b);
  if (typeof a !== typeof b) throw incompatible();
  if (typeof a === 'object') throw fail('invalid-argument', `non-comparable type ${printValue(a)}: ${goType(a)}`);
  return a === b;
}

function less(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a < b;
  if (typeof a === 'string' && typeof b === 'string') return a < b;
  if (typeof a !== typeof b) throw incompatible();
  throw fail('invalid-argument', 'invalid type for comparison');
}

function position(key: unknown, length: number): number {
  if (isNil(key)) throw fail('invalid-argument', 'cannot index slice/array with nil');
  if (typeof key !== 'number') throw fail('invalid-argument', `cannot index slice/array with type ${goType(key)}`);
  if (!(key >= 0 && key < length)) throw fail('invalid-argument', `index out of range: ${key}`);
  return key;
}

function item(collection: unknown, key: unknown): unknown {
  if (isNil(collection)) throw fail('invalid-argument', 'index of untyped nil');
  if (Array.isArray(collection)) return collection[position(key, collection.length)];
  if (typeof collection === 'string') {
    const bytes = Buffer.from(collection);
    return bytes[position(key, bytes.length)];
  }
  if (isRecord(collection)) {
    if (typeof key !== 'string') {
      throw fail('invalid-argument', `value has type ${goType(key)}; should be string`);
    }
    return Object.hasOwn(collection, key) ? collection[key] : zeroOf(collection);
  }
  throw fail('invalid-argument', `can't index item of type ${goType(collection)}`);
}

function size(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isRecord(value)) return Object.keys(value).length;
  if (isNil(value)) throw fail('invalid-argument', 'len of nil pointer');
  throw fail('invalid-argument', `len of type ${goType(value)}`);
}

function cut(value: unknown, ...bounds: unknown[]): unknown {
  if (typeof value !== 'string' && !Array.isArray(value)) {
    throw fail('invalid-argument', isNil(value) ? 'slice of untyped nil' : `can't slice item of type ${goType(value)}`);
  }
  const [from = 0, to = value.length] = bounds.map((bound) => position(bound, value.length + 1));
  if (from > to) throw fail('invalid-argument', `invalid slice index: ${from} > ${to}`);
  return value.slice(from, to);
}

/** Go's Sprint: a space between two operands when neither is a string. */
function print(values: readonly unknown[]): string {
  return values
    .map((value, index) => {
      const before = values[index - 1];
      const spaced = index > 0 && typeof value !== 'string' && typeof before !== 'string';
      return (spaced ? ' ' : '') + printValue(value);
    })
    .join('');
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&#34;',
  "'": '&#39;',
};

const scriptEscapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};

const text = (call: (value: string) => unknown): TemplateFunction => ({ parameters: ['text'], call });
const many = (variadic: number, call: (...values: unknown[]) => unknown): TemplateFunction => ({
  parameters: [],
  variadic,
  call,
});
const two = (call: (a: unknown, b: unknown) => unknown): TemplateFunction => ({ parameters: ['value', 'value'], call });

/**
 * The functions of Go's text/template and those that docker adds. `and` and `or` are here for their names alone: the
 * evaluator runs them, for they do not look at what they need not.
 */
export const functions: Readonly<Record<string, TemplateFunction>> = {
  and: many(1, (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1)),
  or: many(1, (...values) => values.find(isTrue) ?? values.at(-1)),
  not: { parameters: ['value'], call: (value: unknown) => !isTrue(value) },
  eq: many(1, (first, ...others) => {
    if (others.length === 0) throw fail('invalid-argument', 'missing argument for comparison');
    return others.some((other) => same(first, other));
  }),
  ne: two((a, b) => !same(a, b)),
  lt: two(less),
  le: two((a, b) => !less(b, a)),
  gt: two((a, b) => less(b, a)),
  ge: two((a, b) => !less(a, b)),
  index: many(1, (collection, ...keys) => keys.reduce(item, collection)),
  slice: many(1, cut),
  len: { parameters: ['value'], call: size },
  call: many(1, (value) => {
    throw fail('invalid-argument', `non-function of type ${goType(value)}`);
  }),
  print: many(0, (...values) => print(values)),
  println: many(0, (...values) => `${values.map(printValue).join(' ')}\n`),
  printf: { parameters: ['text'], variadic: 0, call: (format: string, ...values: unknown[]) => printf(format, values) },
  html: many(0, (...values) => print(values).replace(/[<>&"']/g, (char) => htmlEscapes[char] ?? char)),
  js: many(0, (...values) => print(values).replace(/[\\'"<>&=]/g, (char) => scriptEscapes[char] ?? char)),
  urlquery: many(0, (...values) => encodeURIComponent(print(values)).replaceAll('%20', '+')),
  json: { parameters: ['value'], call: jsonOf },
  split: { parameters: ['text', 'text'], call: (value: string, separator: string) => value.split(separator) },
  join: {
    parameters: ['texts', 'text'],
    call: (values: readonly string[] | null, separator: string) => (values ?? []).join(separator),
  },
  lower: text((value) => value.toLowerCase()),
  upper: text((value) => value.toUpperCase()),
  title: text((value) =>
    value.replace(/(^|[^\p{L}\p{N}_'])(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase()),
  ),
  pad: {
    parameters: ['text', 'number', 'number'],
    call: (value: string, before: number, after: number) =>
      value === '' ? '' : ' '.repeat(Math.max(0, before)) + value + ' '.repeat(Math.max(0, after)),
  },
  truncate: {
    parameters: ['text', 'number'],
    call: (value: string, length: number) => (value.length < length ? value : value.slice(0, length)),
  },
};

const keepsHeadings: ReadonlySet<string> = new Set(['json', 'title', 'lower', 'upper', 'truncate', 'split', 'join']);

/** How a caller puts what is wrong in its place: at the function's name, the whole command, or an operand. */
export interface CallSite {
  readonly operands: readonly Operand[];
  /** What is printed is headings, which stay as they are. */
  readonly headings?: boolean;
  fail(at: 'head' | 'command' | number, message: string): Error;
}

/**
 * Calls a function with its arguments checked as Go's text/template checks them.
 * @throws what `site` makes of it
 */
export function callFunction(name: string, values: readonly unknown[], site: CallSite): unknown {
  const called = functions[name];
  if (!called) throw site.fail('head', `"${name}" is not a defined function`);
  const { parameters, variadic } = called;
  const least = parameters.length + (variadic ?? 0);
  if (variadic === undefined && values.length !== least) {
    throw site.fail('head', `wrong number of args for ${name}: want ${least} got ${values.length}`);
  }
  if (values.length < least) {
    throw site.fail('head', `wrong number of args for ${name}: want at least ${least} got ${values.length}`);
  }
  if (site.headings && keepsHeadings.has(name)) return values[0];
  for (const [index, kind] of parameters.entries()) checkArgument(kinds[kind], values[index], index, site);
  try {
    return called.call(...(values as never[]));
  } catch (error) {
    const callee = name === 'call' && site.operands[0] ? ` ${describeOperand(site.operands[0])}` : '';
    const message =
      callee === '' ? messageOf(error) : messageOf(error).replace('non-function', `non-function${callee}`);
    throw site.fail('command', `error calling ${name}: ${message}`);
  }
}

function checkArgument(kind: (typeof kinds)[keyof typeof kinds], value: unknown, index: number, site: CallSite): void {
  if (kind.is(value)) return;
  const operand = site.operands[index];
  if (operand?.kind === 'constant') throw site.fail(index, `expected ${kind.constant}; found ${operand.text}`);
  if (operand?.kind === 'nil') throw site.fail(index, `cannot assign nil to ${kind.type}`);
  const at = operand ? index : 'head';
  if (isNil(value)) throw site.fail(at, `invalid value; expected ${kind.type}`);
  throw site.fail(at, `wrong type for value; expected ${kind.type}; got ${goType(value)}`);
}
