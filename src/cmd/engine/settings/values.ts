import type { AddressPool } from '#networks';
import { fail } from '#std/errors';
import { builderGc } from './builder-gc.ts';
import { imageGcPolicy } from './image-gc.ts';
import { parseSize } from './size.ts';
import type { Setting, SettingKind } from './table.ts';

export interface DefaultUlimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

export interface RuntimeSetting {
  readonly path: string;
  readonly runtimeArgs?: readonly string[];
}

/** A setting's value, checked against its kind. */
export type Value =
  | string
  | number
  | boolean
  | readonly string[]
  | readonly DefaultUlimit[]
  | readonly AddressPool[]
  | Readonly<Record<string, unknown>>;

/** How Go names a kind, for errors in the words that daemon.json's users know. */
const goTypes: Readonly<Record<SettingKind, string>> = {
  text: 'string',
  boolean: 'bool',
  number: 'int',
  size: 'string',
  list: '[]string',
  lists: 'map[string][]string',
  options: 'map[string]string',
  switches: 'map[string]bool',
  ulimits: 'map[string]*container.Ulimit',
  runtimes: 'map[string]system.Runtime',
  proxies: 'config.Proxies',
  'image-gc': 'config.ImageGCConfig',
  'address-pools': '[]*ipamutils.NetworkToSplit',
  'driver-options': 'map[string]map[string]string',
  builder: 'config.BuilderConfig',
};

const ulimitNames = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(' '),
);

/** A limit as `--default-ulimit` has it: `nofile=1024:2048`. Throws `invalid-argument`. */
export function parseUlimit(text: string): DefaultUlimit {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) throw fail('invalid-argument', `invalid ulimit argument: ${text}`);
  return checkUlimit(match[1] ?? '', Number(match[2]), Number(match[3] ?? match[2]));
}

function checkUlimit(Name: string, Soft: number, Hard: number): DefaultUlimit {
  if (!ulimitNames.has(Name)) throw fail('invalid-argument', `invalid ulimit type: ${Name}`);
  if (Hard !== -1 && (Soft === -1 || Soft > Hard)) {
    const what = 'ulimit soft limit must be less than or equal to hard limit';
    throw fail('invalid-argument', `${what}: ${Soft} > ${Hard}`);
  }
  return { Name, Soft, Hard };
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function mismatch(value: unknown, place: string, type: string, shown = jsonType(value)): Error {
  const what = `json: cannot unmarshal ${shown} into Go struct field Config.${place} of type ${type}`;
  return fail('invalid-argument', `invalid JSON: ${what}`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function recordOf(value: unknown, key: string, type: string, member: 'string' | 'boolean' | 'object') {
  if (!isRecord(value)) throw mismatch(value, key, type);
  for (const [name, item] of Object.entries(value)) {
    const memberType = member === 'boolean' ? 'bool' : member;
    if (typeof item !== member || item === null) throw mismatch(item, `${key}.${name}`, memberType);
  }
  return value;
}

function ulimitsOf(value: unknown, key: string): readonly DefaultUlimit[] {
  return Object.entries(recordOf(value, key, goTypes.ulimits, 'object')).map(([name, item]) => {
    const { Soft, Hard } = item as { Soft?: unknown; Hard?: unknown };
    for (const limit of [Soft, Hard]) if (!Number.isInteger(limit)) throw mismatch(limit, `${key}.${name}`, 'int64');
    return checkUlimit(name, Number(Soft), Number(Hard));
  });
}

function runtimesOf(value: unknown, key: string): Readonly<Record<string, unknown>> {
  const runtimes = recordOf(value, key, goTypes.runtimes, 'object');
  for (const [name, item] of Object.entries(runtimes)) {
    const { path, runtimeArgs, ...rest } = item as Record<string, unknown>;
    const [other] = Object.keys(rest);
    if (other !== undefined)
      throw fail('invalid-argument', `${key}.${name}.${other} is not supported: a runtime has a path and runtimeArgs`);
    if (typeof path !== 'string') throw mismatch(path, `${key}.${name}.path`, 'string');
    if (runtimeArgs !== undefined) listOf(runtimeArgs, `${key}.${name}.runtimeArgs`);
  }
  return runtimes;
}

function poolsOf(value: unknown, key: string): readonly AddressPool[] {
  if (!Array.isArray(value)) throw mismatch(value, key, goTypes['address-pools']);
  return value.map((item) => {
    if (!isRecord(item)) throw mismatch(item, key, 'ipamutils.NetworkToSplit');
    const { base, size } = item;
    if (typeof base !== 'string') throw mismatch(base, `${key}.base`, 'string');
    if (typeof size !== 'number') throw mismatch(size, `${key}.size`, 'int');
    if (!Number.isSafeInteger(size)) throw mismatch(size, `${key}.size`, 'int', `number ${size}`);
    return { base, size };
  });
}

/** A pool as `--default-address-pool` has it: `base=10.10.0.0/16,size=24`. */
function parsePool(text: string): AddressPool {
  const { base, size, ...rest } = Object.fromEntries(text.split(',').map(pairOf)) as Record<string, string>;
  const [other] = Object.keys(rest);
  if (other !== undefined) throw fail('invalid-argument', `unexpected key '${other}' in '${text}'`);
  if (base === undefined || size === undefined || !/^\d{1,3}$/.test(size)) {
    throw fail('invalid-argument', `invalid address pool: ${text}`);
  }
  return { base, size: Number(size) };
}

function driverOptionsOf(value: unknown, key: string): Readonly<Record<string, unknown>> {
  const drivers = recordOf(value, key, goTypes['driver-options'], 'object');
  for (const [driver, options] of Object.entries(drivers)) {
    recordOf(options, `${key}.${driver}`, 'map[string]string', 'string');
  }
  return drivers;
}

function listsOf(value: unknown, key: string): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw mismatch(value, key, goTypes.lists);
  for (const [name, item] of Object.entries(value)) listOf(item, `${key}.${name}`);
  return value;
}

function listOf(value: unknown, key: string): readonly string[] {
  if (!Array.isArray(value)) throw mismatch(value, key, '[]string');
  for (const item of value) if (typeof item !== 'string') throw mismatch(item, key, 'string');
  return value as string[];
}

/** What daemon.json says of a setting, checked. Throws `invalid-argument` in dockerd's words. */
export function valueFromFile({ kind }: Setting, key: string, value: unknown): Value {
  switch (kind) {
    case 'text':
    case 'boolean':
      if (typeof value !== (kind === 'text' ? 'string' : 'boolean')) throw mismatch(value, key, goTypes[kind]);
      return value as string | boolean;
    case 'number':
      if (typeof value !== 'number') throw mismatch(value, key, 'int');
      if (!Number.isSafeInteger(value)) throw mismatch(value, key, 'int', `number ${value}`);
      return value;
    case 'size':
      if (typeof value !== 'string')
        throw fail('invalid-argument', `invalid JSON: invalid size: ${JSON.stringify(String(value))}`);
      return parseSize(value);
    case 'list':
      return listOf(value, key);
    case 'lists':
      return listsOf(value, key);
    case 'options':
    case 'proxies':
      return recordOf(value, key, goTypes[kind], 'string');
    case 'switches':
      return recordOf(value, key, goTypes[kind], 'boolean');
    case 'ulimits':
      return ulimitsOf(value, key);
    case 'runtimes':
      return runtimesOf(value, key);
    case 'address-pools':
      return poolsOf(value, key);
    case 'driver-options':
      return driverOptionsOf(value, key);
    case 'image-gc':
      if (!isRecord(value)) throw mismatch(value, key, goTypes[kind]);
      return { ...imageGcPolicy(key, value) };
    case 'builder':
      if (!isRecord(value)) throw mismatch(value, key, goTypes[kind]);
      return { ...builderGc(key, value) };
  }
}

const booleans = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false] as const),
]);

function parseBoolean(text: string): boolean {
  const value = booleans.get(text);
  if (value === undefined)
    throw fail('invalid-argument', `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
  return value;
}

function pairOf(text: string): [string, string] {
  const equals = text.indexOf('=');
  return equals === -1 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** What a flag says, put behind what it said before. Throws `invalid-argument`. */
export function valueFromFlag({ kind }: Setting, text: string, before: Value | undefined): Value {
  const list = Array.isArray(before) ? (before as unknown[]) : [];
  const record = isRecord(before) ? before : {};
  const [name, rest] = pairOf(text);
  switch (kind) {
    case 'boolean':
      return parseBoolean(text);
    case 'number':
      if (!/^[+-]?\d{1,15}$/.test(text)) {
        throw fail('invalid-argument', `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
      }
      return Number(text);
    case 'size':
      return parseSize(text);
    case 'list':
      return [...(list as string[]), text];
    case 'ulimits':
      return [...(list as DefaultUlimit[]).filter((limit) => limit.Name !== name), parseUlimit(text)];
    case 'switches':
      return { ...record, [name]: text.includes('=') ? parseBoolean(rest) : true };
    case 'runtimes':
      if (rest === '') throw fail('invalid-argument', `invalid runtime specified: ${text}`);
      return { ...record, [name]: { path: rest } };
    case 'options':
      return { ...record, [name]: rest };
    case 'address-pools':
      return [...(list as AddressPool[]), parsePool(text)];
    case 'driver-options': {
      const [option, value] = pairOf(rest);
      const given = record[name];
      return { ...record, [name]: { ...(isRecord(given) && given), [option]: value } };
    }
    case 'text':
    case 'lists':
    case 'image-gc':
    case 'proxies':
    case 'builder':
      return text;
  }
}
