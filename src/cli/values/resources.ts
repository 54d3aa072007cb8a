import type { DeviceMapping, RestartPolicy, ThrottleDevice, Ulimit, WeightDevice } from '#api';
import { fail } from '#std/errors';
import type { Flag } from '../grammar/flag.ts';
import { parseBytes } from './sizes.ts';

function appended<T>(type: string, summary: string, parse: (text: string) => T): Flag<readonly T[]> {
  return { type, summary, initial: [], parse: (value, before) => [...before, parse(value)] };
}

const ulimitNames = [
  ...['as', 'core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice', 'nofile', 'nproc', 'rss'],
  ...['rtprio', 'rttime', 'sigpending', 'stack'],
];

/** Reads `nofile=1024:2048`; one number is both limits, -1 is none. */
export function parseUlimit(text: string): Ulimit {
  const match = /^([a-z]+)=(.*)$/.exec(text);
  if (!match) throw fail('invalid-argument', `invalid ulimit argument: ${text}`);
  const [, name = '', limits = ''] = match;
  if (!ulimitNames.includes(name)) throw fail('invalid-argument', `invalid ulimit type: ${name}`);
  const numbers = limits.split(':');
  if (numbers.length > 2)
    throw fail(
      'invalid-argument',
      `too many limit value arguments - ${limits}, can only have up to two, \`soft[:hard]\``,
    );
  for (const number of numbers) {
    if (!/^-?\d+$/.test(number))
      throw fail('invalid-argument', `strconv.ParseInt: parsing "${number}": invalid syntax`);
  }
  const soft = Number(numbers[0]);
  const hard = Number(numbers[1] ?? numbers[0]);
  if (hard !== -1 && (soft > hard || soft === -1)) {
    throw fail('invalid-argument', `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { Name: name, Soft: soft, Hard: hard };
}

/** Reads `host[:container][:permissions]`. */
export function parseDevice(text: string): DeviceMapping {
  const parts = text.split(':');
  const isMode = (part: string | undefined): part is string => part !== undefined && /^[rwm]{1,3}$/.test(part);
  const [host = '', second, third] = parts;
  if (parts.length > 3 || host === '') throw fail('invalid-argument', `invalid device specification: ${text}`);
  if (third !== undefined) return { PathOnHost: host, PathInContainer: second || host, CgroupPermissions: third };
  if (isMode(second)) return { PathOnHost: host, PathInContainer: host, CgroupPermissions: second };
  return { PathOnHost: host, PathInContainer: second ?? host, CgroupPermissions: 'rwm' };
}

function parseWeight(text: string): WeightDevice {
  const [path = '', weight = ''] = text.split(':');
  if (!path.startsWith('/dev/')) throw fail('invalid-argument', `bad format for device path: ${text}`);
  const number = Number(weight);
  if (!/^\d+$/.test(weight) || (number > 0 && (number < 10 || number > 1000))) {
    throw fail('invalid-argument', `invalid weight for device: ${text}`);
  }
  return { Path: path, Weight: number };
}

function parseThrottle(text: string, rate: (text: string) => number): ThrottleDevice {
  const [path = '', amount = ''] = text.split(':');
  const complaint = `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]`;
  if (!path.startsWith('/dev/')) throw fail('invalid-argument', `bad format for device path: ${text}`);
  try {
    return { Path: path, Rate: rate(amount) };
  } catch (error) {
    throw fail('invalid-argument', complaint, error);
  }
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw fail('invalid-argument', `not a whole number: ${text}`);
  return Number(text);
}

/** A flag with a whole number of at most 16 bits. */
export function weight16(summary: string): Flag<number | undefined> {
  return {
    type: 'uint16',
    summary,
    initial: undefined,
    parse(text) {
      if (!/^\d+$/.test(text)) throw fail('invalid-argument', `strconv.ParseUint: parsing "${text}": invalid syntax`);
      if (Number(text) > 65_535)
        throw fail('invalid-argument', `strconv.ParseUint: parsing "${text}": value out of range`);
      return Number(text);
    },
  };
}

/** The `--ulimit` flag. */
export const ulimitFlag = (summary: string): Flag<readonly Ulimit[]> => appended('ulimit', summary, parseUlimit);

/** The `--device` flag. */
export const deviceFlag = (summary: string): Flag<readonly DeviceMapping[]> => appended('list', summary, parseDevice);

/** The `--blkio-weight-device` flag. */
export const weightFlag = (summary: string): Flag<readonly WeightDevice[]> => appended('list', summary, parseWeight);

/** The `--device-read-bps` flag and its like: bytes a second. */
export const bytesRateFlag = (summary: string): Flag<readonly ThrottleDevice[]> =>
  appended('list', summary, (text) => parseThrottle(text, parseBytes));

/** The `--device-read-iops` flag and its like: operations a second. */
export const operationsRateFlag = (summary: string): Flag<readonly ThrottleDevice[]> =>
  appended('list', summary, (text) => parseThrottle(text, wholeNumber));

/** The `--cpus` flag: a number of processors with a fraction, as billionths. */
export function cpusFlag(summary: string): Flag<number> {
  return {
    type: 'decimal',
    summary,
    initial: 0,
    parse(text) {
      if (!/^\d*\.?\d+$|^\d+\.$/.test(text))
        throw fail('invalid-argument', `failed to parse ${text} as a rational number`);
      return Math.round(Number(text) * 1e9);
    },
  };
}

/** Reads `no`, `always`, `unless-stopped`, `on-failure[:count]`; what a name means is the engine's to judge. */
export function parseRestartPolicy(text: string): RestartPolicy {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const count = colon < 0 ? undefined : text.slice(colon + 1);
  if (count !== undefined && !/^\d+$/.test(count)) {
    throw fail('invalid-argument', 'invalid restart policy format: maximum retry count must be an integer');
  }
  if (name === '' && count !== undefined)
    throw fail('invalid-argument', 'invalid restart policy format: no policy provided before colon');
  return { Name: name as RestartPolicy['Name'], MaximumRetryCount: Number(count ?? 0) };
}
