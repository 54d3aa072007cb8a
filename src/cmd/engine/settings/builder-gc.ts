import type { BuildGcLimits, BuildGcPolicy } from '#builder/cache';
import { parseDurationNs } from '#std/duration';
import { fail } from '#std/errors';
import { parseSize } from './size.ts';

/** What daemon.json says of the build cache: rules, or the limits that the usual ones have. */
export interface BuilderGcSetting {
  readonly isEnabled: boolean;
  readonly rules?: BuildGcPolicy;
  readonly limits?: BuildGcLimits;
}

type Members = Readonly<Record<string, unknown>>;

const nsPerMs = 1e6;

function refuse(place: string, what: string): Error {
  return fail('invalid-argument', `${place}: ${what}`);
}

function membersOf(value: unknown, place: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(place, 'an object is needed');
  return value as Members;
}

function onlyThese(members: Members, place: string, known: readonly string[]): void {
  const other = Object.keys(members).find((name) => !known.includes(name));
  if (other !== undefined) throw refuse(`${place}.${other}`, `not supported: there are ${known.join(', ')}`);
}

/** Bytes; 0 where nothing is said. */
function sizeOf(members: Members, place: string, name: string): number {
  const value = members[name];
  if (value === undefined || value === '') return 0;
  if (typeof value !== 'string') throw refuse(`${place}.${name}`, 'a size ("20GB") is needed');
  return parseSize(value);
}

function flagOf(members: Members, place: string, name: string, usual: boolean): boolean {
  const value = members[name] ?? usual;
  if (typeof value !== 'boolean') throw refuse(`${place}.${name}`, 'true or false is needed');
  return value;
}

function limitsOf(members: Members, place: string, names: { older: string; newer: string; max: string; free: string }) {
  const { older, newer, max, free } = names;
  return {
    reservedSpaceBytes: sizeOf(members, place, newer) || sizeOf(members, place, older),
    maxUsedSpaceBytes: sizeOf(members, place, max),
    minFreeSpaceBytes: sizeOf(members, place, free),
  };
}

/** `["unused-for=48h"]`, or a map as the API has it. */
function filtersOf(value: unknown, place: string): Map<string, string[]> {
  const filters = new Map<string, string[]>();
  const add = (name: string, item: string): void => void filters.set(name, [...(filters.get(name) ?? []), item]);
  if (Array.isArray(value)) {
    for (const text of value) {
      const [, name, item] = typeof text === 'string' ? (/^([^=]+)={1,2}(.*)$/.exec(text) ?? []) : [];
      if (name === undefined || item === undefined) throw refuse(place, 'a list of name=value is needed');
      add(name, item);
    }
    return filters;
  }
  for (const [name, items] of Object.entries(membersOf(value, place))) {
    for (const item of Array.isArray(items) ? items.map(String) : Object.keys(membersOf(items, place))) add(name, item);
  }
  return filters;
}

const filterNames = ['unused-for', 'until', 'id', 'parent', 'type', 'description', 'inuse', 'shared', 'private'];

function ruleOf(value: unknown, place: string): BuildGcPolicy[number] {
  const members = membersOf(value, place);
  onlyThese(members, place, [
    ...['all', 'filter', 'keepDuration', 'keepStorage', 'reservedSpace', 'maxUsedSpace', 'minFreeSpace'],
  ]);
  const filters = filtersOf(members.filter ?? [], `${place}.filter`);
  const strange = [...filters.keys()].find((name) => !filterNames.includes(name));
  if (strange !== undefined) throw refuse(`${place}.filter`, `invalid filter '${strange}'`);
  const { keepDuration } = members;
  const keepNs = typeof keepDuration === 'string' ? parseDurationNs(keepDuration) : undefined;
  if (keepDuration !== undefined && keepNs === undefined) throw refuse(`${place}.keepDuration`, 'a duration is needed');
  const names = { older: 'keepStorage', newer: 'reservedSpace', max: 'maxUsedSpace', free: 'minFreeSpace' };
  return {
    all: flagOf(members, place, 'all', false),
    filters,
    ...limitsOf(members, place, names),
    ...(keepNs !== undefined && { keepDurationMs: keepNs / nsPerMs }),
  };
}

/** What `builder` of daemon.json says. Throws `invalid-argument`. */
export function builderGc(key: string, value: Members): BuilderGcSetting {
  onlyThese(value, key, ['gc']);
  if (value.gc === undefined) return { isEnabled: true };
  const place = `${key}.gc`;
  const members = membersOf(value.gc, place);
  const names = {
    older: 'defaultKeepStorage',
    newer: 'defaultReservedSpace',
    max: 'defaultMaxUsedSpace',
    free: 'defaultMinFreeSpace',
  };
  onlyThese(members, place, ['enabled', 'policy', ...Object.values(names)]);
  const isEnabled = flagOf(members, place, 'enabled', true);
  const { policy } = members;
  if (policy !== undefined && !Array.isArray(policy)) throw refuse(`${place}.policy`, 'a list of rules is needed');
  const limits = limitsOf(members, place, names);
  const isLimited = Object.values(limits).some((bytes) => bytes > 0);
  return {
    isEnabled,
    ...(policy !== undefined && { rules: policy.map((rule, index) => ruleOf(rule, `${place}.policy[${index}]`)) }),
    ...(isLimited && { limits }),
  };
}
