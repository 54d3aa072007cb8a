import { type Filters, filterNames } from '#api';
import { fail } from '#std/errors';

/** The filters that each endpoint takes; what their values may be is the features' business. */
export const acceptedFilters = {
  containers: new Set(filterNames.containers),
  containersPrune: new Set(filterNames.containersPrune),
  images: new Set(filterNames.images),
  imagesSearch: new Set(filterNames.imagesSearch),
  imagesPrune: new Set(filterNames.imagesPrune),
  volumes: new Set(filterNames.volumes),
  volumesPrune: new Set(filterNames.volumesPrune),
  networks: new Set(filterNames.networks),
  networksPrune: new Set(filterNames.networksPrune),
};

function valuesOf(value: unknown): string[] {
  // The list is the form of clients before API 1.22, which Docker still takes.
  if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const entries = Object.entries(value);
    if (entries.every(([, set]) => typeof set === 'boolean' || set === null)) return entries.map(([name]) => name);
  }
  if (value === null) return [];
  throw fail('invalid-argument', 'invalid filter');
}

/** Decodes the `filters` parameter: a JSON object of names to sets (or lists) of values. */
export function decodeFilters(text: string | undefined, accepted: ReadonlySet<string> | undefined): Filters {
  if (text === undefined) return new Map();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw fail('invalid-argument', 'invalid filter');
  }
  if (parsed === null) return new Map();
  if (typeof parsed !== 'object' || Array.isArray(parsed)) throw fail('invalid-argument', 'invalid filter');
  const filters = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(parsed)) {
    const values = valuesOf(value);
    if (accepted !== undefined && !accepted.has(name)) throw fail('invalid-argument', `invalid filter '${name}'`);
    if (values.length > 0) filters.set(name, values);
  }
  return filters;
}
