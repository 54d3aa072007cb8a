import { containerStatuses, type Filtered, type Filters, filterNames, healthStatuses } from '#api';
import { fail } from '#std/errors';
import { type Flag, list, type ValueKind } from '../grammar/flag.ts';

const truths = ['true', 'false'];

/** What the values of filters name, wherever they stand. */
const values: Readonly<Record<string, ValueKind>> = {
  ancestor: 'image',
  container: 'container',
  dangling: truths,
  health: healthStatuses,
  image: 'image',
  'is-task': truths,
  network: 'network',
  scope: ['local', 'global', 'swarm'],
  status: containerStatuses,
  volume: 'volume',
};

/** What else they name for one command. */
const ownValues: Partial<Record<Filtered, Readonly<Record<string, ValueKind>>>> = {
  containers: { before: 'container', since: 'container' },
  events: { type: ['container', 'daemon', 'image', 'network', 'volume'] },
  images: { before: 'image', since: 'image' },
  networks: { type: ['builtin', 'custom'] },
  volumes: { driver: 'volume-driver' },
};

/** The `--filter` flag of list, prune and events commands. */
export function filterFlag(
  filtered: Filtered,
  summary: string,
  extra: { short?: string } = { short: 'f' },
): Flag<readonly string[]> {
  const names: readonly string[] = filterNames[filtered];
  const pairs = Object.fromEntries(names.map((name) => [name, ownValues[filtered]?.[name] ?? values[name] ?? 'none']));
  return list(summary, { type: 'filter', completes: { pairs }, ...extra }, (value) => {
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
    const named = filters.get(name) ?? [];
    named.push(text.slice(equals + 1).trim());
    filters.set(name, named);
  }
  return filters;
}
