/** Whether a value is one that `{{.Field}}` can be asked of. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Go's truth: not false, zero, nil or empty. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isRecord(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** A value as Go's `%v` prints it: `[a b]`, `map[k:v]` with sorted keys, `<nil>`. */
export function printValue(value: unknown): string {
  if (value === null) return '<nil>';
  if (value === undefined) return '<no value>';
  if (Array.isArray(value)) return `[${value.map(printValue).join(' ')}]`;
  if (isRecord(value)) {
    const keys = Object.keys(value).sort();
    return `map[${keys.map((key) => `${key}:${printValue(value[key])}`).join(' ')}]`;
  }
  return String(value);
}
