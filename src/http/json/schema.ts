import { fail } from '#std/errors';

/**
 * Schemas of request bodies. Decoding follows Go's encoding/json, since its behaviour is what Docker's clients know: unknown
 * fields are ignored, names match whatever their case, null leaves a field unset, and a wrong type is named with its path.
 */
export type Schema =
  | { readonly kind: 'string' | 'boolean'; readonly goType?: string }
  | { readonly kind: 'integer'; readonly goType: keyof typeof integerRanges | 'time.Duration' | 'os.FileMode' }
  | { readonly kind: 'list'; readonly of: Schema; readonly goType?: string; readonly length?: number }
  | { readonly kind: 'map'; readonly of: Schema; readonly goType?: string }
  /** A string, or a list of strings: the form of commands. */
  | { readonly kind: 'words' }
  /** `complete`: fields that were not given become their zero, as Go's do that are not left out when empty. */
  | {
      readonly kind: 'object';
      readonly fields: Readonly<Record<string, Schema>>;
      readonly goType: string;
      readonly complete?: boolean;
    };

const integerRanges = {
  int: [-(2 ** 63), 2 ** 63],
  int64: [-(2 ** 63), 2 ** 63],
  uint: [0, 2 ** 64],
  uint16: [0, 2 ** 16 - 1],
  uint32: [0, 2 ** 32 - 1],
} as const;

export const string: Schema = { kind: 'string' };
export const boolean: Schema = { kind: 'boolean' };
export const words: Schema = { kind: 'words' };
/** A string of a type with a name of its own, for the error text. */
export const stringOf = (goType: string): Schema => ({ kind: 'string', goType });
/** A whole number of Go's type. */
export const integer = (goType: Extract<Schema, { kind: 'integer' }>['goType'] = 'int64'): Schema => ({
  kind: 'integer',
  goType,
});
/** A list; `length` fixes it: longer ones are cut, shorter ones filled with zeroes. */
export const list = (of: Schema, goType?: string, length?: number): Schema => ({
  kind: 'list',
  of,
  ...(goType === undefined ? {} : { goType }),
  ...(length === undefined ? {} : { length }),
});
/** An object with free keys. */
export const map = (of: Schema, goType?: string): Schema => ({
  kind: 'map',
  of,
  ...(goType === undefined ? {} : { goType }),
});
/** An object with fixed fields, each of them present in what is decoded. */
export const completeObject = (goType: string, fields: Readonly<Record<string, Schema>>): Schema => ({
  kind: 'object',
  goType,
  fields,
  complete: true,
});
/** An object with fixed fields. */
export const object = (goType: string, fields: Readonly<Record<string, Schema>>): Schema => ({
  kind: 'object',
  goType,
  fields,
});

function goTypeOf(schema: Schema): string {
  switch (schema.kind) {
    case 'string':
      return schema.goType ?? 'string';
    case 'boolean':
      return 'bool';
    case 'integer':
      return schema.goType;
    case 'list':
      return schema.goType ?? (schema.length === undefined ? '[]' : `[${schema.length}]`) + goTypeOf(schema.of);
    case 'map':
      return schema.goType ?? `map[string]${goTypeOf(schema.of)}`;
    case 'words':
      return 'string';
    case 'object':
      return schema.goType;
  }
}

function jsonTypeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

interface Place {
  readonly root: string;
  readonly path: string;
  /** The last step of the path was a list index (or a key that reads as one). */
  readonly indexed: boolean;
}

function mismatch(what: string, schema: Schema, { root, path, indexed }: Place): Error {
  const type = goTypeOf(schema);
  const where = path === '' ? 'Go value' : indexed ? root + path : `Go struct field ${root}${path}`;
  return fail('invalid-argument', `invalid JSON: json: cannot unmarshal ${what} into ${where} of type ${type}`);
}

function step(place: Place, key: string): Place {
  const escaped = key.replaceAll('~', '~0').replaceAll('/', '~1');
  return { root: place.root, path: `${place.path}.${escaped}`, indexed: /^\d+$/.test(key) };
}

function decodeObject(value: object, schema: Extract<Schema, { kind: 'object' }>, place: Place): object {
  const decoded: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const name = Object.hasOwn(schema.fields, key)
      ? key
      : Object.keys(schema.fields).find((field) => field.toLowerCase() === key.toLowerCase());
    const field = name === undefined ? undefined : schema.fields[name];
    if (name === undefined || field === undefined) continue;
    const result = decode(item, field, step(place, key));
    if (result !== undefined) decoded[name] = result;
  }
  if (schema.complete !== true) return decoded;
  const fields = Object.entries(schema.fields).map(([name, field]) => [name, decoded[name] ?? zeroOf(field)]);
  return Object.fromEntries(fields);
}

function decodeMap(value: object, schema: Extract<Schema, { kind: 'map' }>, place: Place): object {
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => [
    key,
    decode(item, schema.of, step(place, key)) ?? zeroOf(schema.of),
  ]);
  return Object.fromEntries(entries);
}

function decodeList(value: unknown[], schema: Extract<Schema, { kind: 'list' }>, place: Place): unknown[] {
  const decoded = value.map((item, index) => {
    const inner = step(place, `${index}`);
    // A null among objects is an object without fields, as a Go struct would be: nobody looks for holes in a list.
    return decode(item ?? (schema.of.kind === 'object' ? {} : item), schema.of, inner) ?? zeroOf(schema.of);
  });
  if (schema.length === undefined) return decoded;
  return Array.from({ length: schema.length }, (_, index) => decoded[index] ?? zeroOf(schema.of));
}

/** What stands for a null inside of a list or a map. */
function zeroOf(schema: Schema): unknown {
  switch (schema.kind) {
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'integer':
      return 0;
    default:
      return null;
  }
}

function decodeInteger(value: unknown, schema: Extract<Schema, { kind: 'integer' }>, place: Place): number {
  if (typeof value !== 'number') throw mismatch(jsonTypeOf(value), schema, place);
  const type = schema.goType;
  const [minimum, maximum] =
    integerRanges[type === 'time.Duration' ? 'int64' : type === 'os.FileMode' ? 'uint32' : type];
  if (!Number.isInteger(value) || value < minimum || value > maximum) {
    throw mismatch(`number ${value}`, schema, place);
  }
  return value;
}

function decodeWords(value: unknown, place: Place): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value;
  throw mismatch(jsonTypeOf(value), string, { ...place, path: '' });
}

function decode(value: unknown, schema: Schema, place: Place): unknown {
  if (value === null || value === undefined) return undefined;
  switch (schema.kind) {
    case 'words':
      return decodeWords(value, place);
    case 'integer':
      return decodeInteger(value, schema, place);
    case 'string':
    case 'boolean':
      if (typeof value !== schema.kind) throw mismatch(jsonTypeOf(value), schema, place);
      return value;
    case 'list':
      if (!Array.isArray(value)) throw mismatch(jsonTypeOf(value), schema, place);
      return decodeList(value, schema, place);
    case 'map':
    case 'object':
      if (typeof value !== 'object' || Array.isArray(value)) throw mismatch(jsonTypeOf(value), schema, place);
      return schema.kind === 'map' ? decodeMap(value, schema, place) : decodeObject(value, schema, place);
  }
}

let observer: ((schema: Schema) => void) | undefined;

/** Tells of every schema that a body is decoded by, until it is called with undefined: how a test learns what a route takes. */
export function observeDecoding(tell: ((schema: Schema) => void) | undefined): void {
  observer = tell;
}

/**
 * Decodes a parsed JSON value into what the schema describes: only known fields, in their proper spelling. `T` is the type
 * that the schema stands for; `root` is how Go names the outermost type in error texts. Throws `invalid-argument`.
 */
export function decodeAs<T extends object>(value: unknown, schema: Schema, root: string): T {
  observer?.(schema);
  return (decode(value, schema, { root, path: '', indexed: false }) ?? {}) as T;
}
