import type { Filters } from '#api';
import { parseDurationNs } from '#std/duration';
import { fail } from '#std/errors';
import { nowNs, parseTime } from '#std/time';
import type { CacheRecord } from '../types.ts';

/** How records are chosen: by what they are, and how long nobody has used them. */
export interface CacheChoice {
  matches(record: CacheRecord): boolean;
  /** Used since then is kept; undefined for no such limit. */
  readonly unusedSinceMs?: number;
}

type Test = (record: CacheRecord, value: string) => boolean;

const isSaid = (value: string): boolean => value === '' || value === 'true' || value === '1';
const matchesPattern = (text: string, pattern: string): boolean => {
  try {
    return new RegExp(pattern).test(text);
  } catch (error) {
    throw fail('invalid-argument', `failed to prune build cache: failed to parse prune filters: ${pattern}`, error);
  }
};

/** As BuildKit has them. */
const fields: Readonly<Record<string, Test>> = {
  id: ({ id }, value) => matchesPattern(id, value),
  parent: ({ parentIds }, value) => parentIds.includes(value),
  type: ({ type }, value) => type === value,
  description: ({ description }, value) => description === value,
  inuse: ({ isInUse }, value) => isInUse === isSaid(value),
  shared: ({ isShared }, value) => isShared === isSaid(value),
  private: ({ isShared }, value) => !isShared === isSaid(value),
};

/** Taken, and without meaning for a cache: `docker system prune` sends them. */
const ignored = ['label', 'label!'];

const msPerNs = 1_000_000n;

function momentMs(name: string, text: string): number {
  const ago = parseDurationNs(text);
  const moment = ago === undefined ? parseTime(text) : nowNs() - BigInt(ago);
  if (moment !== undefined) return Number(moment / msPerNs);
  const what = `"${name}" filter expects a duration (e.g., '24h') or a timestamp`;
  throw fail(
    'internal',
    `failed to prune build cache: ${what}: failed to parse value as time or duration: ${JSON.stringify(text)}`,
  );
}

/** Reads filters of a prune or of a list. Throws in Docker's words for those that it does not know. */
export function readCacheFilters(filters: Filters): CacheChoice {
  const tests: ((record: CacheRecord) => boolean)[] = [];
  let unusedSinceMs: number | undefined;
  for (const [name, values] of filters) {
    if (ignored.includes(name) || values.length === 0) continue;
    const field = name.replace(/!$/, '');
    const isTime = name === 'until' || name === 'unused-for';
    const test = fields[field];
    if (test === undefined && !isTime) throw fail('internal', `failed to prune build cache: invalid filter '${name}'`);
    const [first = ''] = values;
    const isWanted = !name.endsWith('!');
    if (isTime) unusedSinceMs = momentMs(name, first);
    else if (test !== undefined) tests.push((record) => values.some((value) => test(record, value)) === isWanted);
  }
  return {
    matches: (record) => tests.every((test) => test(record)),
    ...(unusedSinceMs !== undefined && { unusedSinceMs }),
  };
}
