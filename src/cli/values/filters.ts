import type { Filters } from '#api';
import { fail } from '#std/errors';
import { type Flag, list } from '../grammar/flag.ts';

/** The `--filter` flag of list, prune and events commands. */
export function filterFlag(summary: string, extra: { short?: string } = { short: 'f' }): Flag<readonly string[]> {
  return list(summary, { type: 'filter', ...extra }, (value) => {
    if (!value.includes('=')) throw fail('invalid-argument', 'bad format of filter (expected name=value)');
    return value;
  });
}

/** Filters as the API takes them: each name with all values given for it. */
export function toFilters(texts: readonly string[]): Filters {
  const filters = new Map<string, string[]>();
  for (const text of texts) {
    const equals = text.indexOf('=');
    const name = text.slice(0, equals).trim().toLowerCase();
    const values = filters.get(name) ?? [];
    values.push(text.slice(equals + 1).trim());
    filters.set(name, values);
  }
  return filters;
}
