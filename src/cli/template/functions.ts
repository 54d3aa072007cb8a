import { fail } from '#std/errors';
import { printf } from './printf.ts';
import { isRecord, isTrue, printValue } from './values.ts';

export type TemplateFunction = (...values: unknown[]) => unknown;

const lower = (value: unknown): string => printValue(value).toLowerCase();
const compare = (a: unknown, b: unknown): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : printValue(a) < printValue(b) ? -1 : a === b ? 0 : 1;

function same(a: unknown, b: unknown): boolean {
  if (typeof a !== typeof b && a !== null && b !== null && a !== undefined && b !== undefined) {
    throw fail('invalid-argument', 'error calling eq: incompatible types for comparison');
  }
  return a === b;
}

function item(collection: unknown, key: unknown): unknown {
  if (Array.isArray(collection)) {
    const position = Number(key);
    if (!(position >= 0 && position < collection.length)) {
      throw fail('invalid-argument', `error calling index: index out of range: ${printValue(key)}`);
    }
    return collection[position];
  }
  if (typeof collection === 'string') return collection.charCodeAt(Number(key));
  if (isRecord(collection)) return Object.hasOwn(collection, String(key)) ? collection[String(key)] : '';
  if (collection === null || collection === undefined) {
    throw fail('invalid-argument', 'error calling index: index of untyped nil');
  }
  throw fail('invalid-argument', `error calling index: can't index item of type ${typeof collection}`);
}

function size(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isRecord(value)) return Object.keys(value).length;
  if (value === null || value === undefined) return 0;
  throw fail('invalid-argument', `error calling len: len of type ${typeof value}`);
}

function cut(value: unknown, from: unknown = 0, to?: unknown): unknown {
  if (typeof value !== 'string' && !Array.isArray(value)) {
    throw fail('invalid-argument', `error calling slice: can't slice item of type ${typeof value}`);
  }
  return value.slice(Number(from), to === undefined ? undefined : Number(to));
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

/**
 * The functions of Go's text/template and those that docker adds. `and` and `or` are here for their names alone: the
 * evaluator runs them, for they do not look at what they need not.
 */
export const functions: Readonly<Record<string, TemplateFunction>> = {
  and: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (...values) => values.find(isTrue) ?? values.at(-1),
  not: (value) => !isTrue(value),
  eq: (first, ...others) => others.some((other) => same(first, other)),
  ne: (a, b) => !same(a, b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  index: (collection, ...keys) => keys.reduce(item, collection),
  slice: cut,
  len: size,
  print: (...values) => print(values),
  println: (...values) => `${values.map(printValue).join(' ')}\n`,
  printf: (format, ...values) => printf(printValue(format), values),
  html: (value) => printValue(value).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`),
  urlquery: (value) => encodeURIComponent(printValue(value)),
  json: (value) => JSON.stringify(value ?? null),
  split: (value, separator) => printValue(value).split(printValue(separator)),
  join: (values, separator) => {
    if (values === null || values === undefined) return '';
    if (!Array.isArray(values)) throw fail('invalid-argument', 'error calling join: the first argument is not a list');
    return values.map(printValue).join(printValue(separator));
  },
  lower,
  upper: (value) => printValue(value).toUpperCase(),
  title: (value) => printValue(value).replace(/\b\p{L}/gu, (letter) => letter.toUpperCase()),
  pad: (value, before, after) =>
    printValue(value) === '' ? '' : ' '.repeat(Number(before)) + printValue(value) + ' '.repeat(Number(after)),
  truncate: (value, length) => printValue(value).slice(0, Number(length)),
};
