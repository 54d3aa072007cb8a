import type { Filters, NetworkInspect } from '#api';
import { fail } from '#std/errors';
import { parseMoment } from '#std/moment';
import { parseTime } from '#std/time';
import { builtinNames } from '../catalog.ts';
import type { NetworkRecord } from '../record.ts';

type Matcher = (network: NetworkInspect, value: string) => boolean;

function isTrue(value: string): boolean {
  if (!/^(?:true|false|1|0)$/.test(value)) {
    const known = 'must be "true" (or "1"), or "false" (or "0")';
    throw fail('invalid-argument', `invalid value for filter 'dangling', ${known}`);
  }
  return value === 'true' || value === '1';
}

/** By a part of it or by a regular expression; what is no expression matches as it stands. */
function matchesName(name: string, value: string): boolean {
  if (name.includes(value)) return true;
  try {
    return new RegExp(value).test(name);
  } catch {
    return false;
  }
}

function hasLabel(labels: Readonly<Record<string, string>>, text: string): boolean {
  const [key = '', expected] = text.split(/=(.*)/s);
  return Object.hasOwn(labels, key) && (expected === undefined || labels[key] === expected);
}

const matchers: Readonly<Record<string, Matcher>> = {
  driver: ({ Driver }, value) => Driver === value,
  id: ({ Id }, value) => Id.startsWith(value),
  name: ({ Name }, value) => matchesName(Name, value),
  scope: ({ Scope }, value) => Scope === value,
  type: ({ Name }, value) => {
    if (value !== 'builtin' && value !== 'custom') throw fail('invalid-argument', `invalid filter: 'type'='${value}'`);
    return (value === 'builtin') === builtinNames.includes(Name);
  },
  // A network that comes with the engine is never left over.
  dangling: ({ Name, Containers }, value) =>
    isTrue(value) === (!builtinNames.includes(Name) && Object.keys(Containers).length === 0),
  label: ({ Labels }, value) => hasLabel(Labels, value),
};

/** Whether a network passes the filters of `GET /networks`; throws `invalid-argument` for one that does not exist. */
export function matchesFilters(network: NetworkInspect, filters: Filters): boolean {
  return [...filters].every(([name, values]) => {
    const matcher = matchers[name];
    if (matcher === undefined) throw fail('invalid-argument', `invalid filter '${name}'`);
    if (name === 'label') return values.every((value) => matcher(network, value));
    return values.some((value) => matcher(network, value));
  });
}

function readMoment(text: string): bigint {
  const moment = parseMoment(text);
  if (moment === undefined) throw fail('invalid-argument', `failed to parse value for "until": ${text}`);
  return moment;
}

/** Reads the filters of `POST /networks/prune`; throws `invalid-argument` for one that does not exist. */
export function pruneTest(filters: Filters): (network: NetworkRecord) => boolean {
  const tests = [...filters].map(([name, values]): ((network: NetworkRecord) => boolean) => {
    if (name === 'label') return ({ labels }) => values.every((value) => hasLabel(labels, value));
    if (name === 'label!') return ({ labels }) => !values.some((value) => hasLabel(labels, value));
    if (name !== 'until') throw fail('invalid-argument', `invalid filter '${name}'`);
    const moments = values.map(readMoment);
    return ({ created }) => moments.every((moment) => (parseTime(created) ?? 0n) < moment);
  });
  return (network) => tests.every((test) => test(network));
}
