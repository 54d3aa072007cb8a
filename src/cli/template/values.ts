/** Go's name of an object's type, for objects that stand for a struct; others stand for a map. */
const structNames = new WeakMap<object, string>();
/** What a map gives for a key that it has not; where it is not said, nothing. */
const mapZeroes = new WeakMap<object, unknown>();
/** The JSON that an object was made of, where that is more exact. */
const sources = new WeakMap<object, unknown>();
/** Objects that have a JSON text of their own. */
const jsonTexts = new WeakMap<object, () => string>();

/** Lets an object stand for a Go struct of that type. */
export function asStruct<T extends object>(value: T, type: string): T {
  structNames.set(value, type);
  return value;
}

/** Lets an object stand for a Go map whose values have that zero. */
export function asMap<T extends object>(value: T, zero: unknown): T {
  mapZeroes.set(value, zero);
  return value;
}

/** Remembers what `json` is to print of an object. */
export function withSource<T extends object>(value: T, source: unknown): T {
  sources.set(value, source);
  return value;
}

/** Remembers the text that `json` is to print of an object. */
export function withJsonText<T extends object>(value: T, text: () => string): T {
  jsonTexts.set(value, text);
  return value;
}

/** The struct's type, undefined for what is none. */
export function structName(value: unknown): string | undefined {
  return isRecord(value) ? structNames.get(value) : undefined;
}

/** What a map gives for a key that it has not. */
export function zeroOf(value: object): unknown {
  return mapZeroes.get(value);
}

/** A value as JSON. */
export function jsonOf(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    const text = jsonTexts.get(value);
    if (text) return text();
    if (sources.has(value)) return JSON.stringify(sources.get(value));
  }
  return JSON.stringify(value ?? null);
}

/** Whether a value is one that `{{.Field}}` can be asked of. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Go's truth: not false, zero, nil or empty; a struct is always true. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isRecord(value)) return structNames.has(value) || Object.keys(value).length > 0;
  return Boolean(value);
}

/** A value as Go's `%v` prints it: `[a b]`, `map[k:v]` with sorted keys, `{a b}` for a struct, `<nil>`. */
export function printValue(value: unknown): string {
  if (value === null) return '<nil>';
  if (value === undefined) return '<no value>';
  if (Array.isArray(value)) return `[${value.map(printInner).join(' ')}]`;
  if (isRecord(value)) {
    const keys = Object.keys(value);
    if (structNames.has(value)) return `{${keys.map((key) => printInner(value[key])).join(' ')}}`;
    return `map[${keys
      .sort()
      .map((key) => `${key}:${printInner(value[key])}`)
      .join(' ')}]`;
  }
  return String(value);
}

const printInner = (value: unknown): string => (value === undefined ? '<nil>' : printValue(value));

/** Go's name of a value's type. */
export function goType(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? '[]string' : '[]interface {}';
  if (isRecord(value)) return structNames.get(value) ?? 'map[string]interface {}';
  return 'string';
}
