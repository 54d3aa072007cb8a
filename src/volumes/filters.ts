import type { Filters } from '#api';
import { fail } from '#std/errors';
import { anonymousLabel, driverOf, type VolumeRecord } from './record.ts';

type Predicate = (record: VolumeRecord) => boolean;

function invalid(name: string, values?: readonly string[]): Error {
  const shown = values === undefined ? name : `${name}=[${values.join(' ')}]`;
  return fail('invalid-argument', `invalid filter '${shown}'`);
}

function hasLabel({ labels }: VolumeRecord, wanted: string): boolean {
  const [key = '', expected] = wanted.split(/=(.*)/s);
  const actual = labels?.[key];
  return actual !== undefined && (expected === undefined || actual === expected);
}

function matchesName({ id }: VolumeRecord, wanted: string): boolean {
  try {
    return new RegExp(wanted).test(id);
  } catch {
    return id.includes(wanted);
  }
}

/** A truth value in the spellings that filters take; undefined for anything else. */
function truth(text: string | undefined): boolean | undefined {
  if (text === 'true' || text === '1' || text === 'True' || text === 'TRUE' || text === 't' || text === 'T')
    return true;
  if (text === 'false' || text === '0' || text === 'False' || text === 'FALSE' || text === 'f' || text === 'F') {
    return false;
  }
  return undefined;
}

/** Which volumes a list shows (Engine API, VolumeList); throws `invalid-argument` for filters that it does not know. */
export function listFilter(filters: Filters, isUsed: (name: string) => boolean): Predicate {
  const predicates: Predicate[] = [];
  for (const [name, values] of filters) {
    if (values.length === 0) continue;
    if (name === 'name') predicates.push((record) => values.some((value) => matchesName(record, value)));
    else if (name === 'label') predicates.push((record) => values.every((value) => hasLabel(record, value)));
    else if (name === 'driver') predicates.push((record) => values.includes(driverOf(record)));
    else if (name === 'dangling') {
      const wanted = new Set(values.map((value) => (/^(?:true|false|1|0)$/.test(value) ? truth(value) : undefined)));
      const [dangling] = wanted;
      if (wanted.size !== 1 || dangling === undefined) throw invalid(name, values);
      predicates.push(({ id }) => isUsed(id) !== dangling);
    } else throw invalid(name);
  }
  return (record) => predicates.every((predicate) => predicate(record));
}

/** Which unused volumes a prune takes (Engine API, VolumePrune): without `all` only those that nobody named. */
export function pruneFilter(filters: Filters): Predicate {
  const predicates: Predicate[] = [];
  let all = false;
  for (const [name, values] of filters) {
    if (name === 'label') predicates.push((record) => values.every((value) => hasLabel(record, value)));
    else if (name === 'label!') predicates.push((record) => !values.some((value) => hasLabel(record, value)));
    else if (name === 'all') {
      if (values.length > 1) {
        const shown = `all=[${values.toSorted().join(' ')}]`;
        throw fail('invalid-argument', `invalid filter '${shown}': only one value is expected`);
      }
      const value = truth(values[0]);
      if (value === undefined) {
        throw fail(
          'invalid-argument',
          `invalid filter 'all': strconv.ParseBool: parsing ${JSON.stringify(values[0] ?? '')}: invalid syntax`,
        );
      }
      all = value;
    } else throw invalid(name);
  }
  return (record) =>
    (all || record.labels?.[anonymousLabel] !== undefined) && predicates.every((predicate) => predicate(record));
}
