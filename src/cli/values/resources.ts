import type { DeviceMapping, RestartPolicy, ThrottleDevice, Ulimit, WeightDevice } from '#api';
import { fail } from '#std/errors';
import { type Flag, list } from '../grammar/flag.ts';
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
  const isMode = (part: string | undefined): part is string =>
    part !== undefined && /^[rwm]{1,3}$/.test(part) && new Set(part).size === part.length;
  const [host = '', second, third] = parts;
  if (parts.length > 3 || host === '') throw fail('invalid-argument', `bad format for path: ${text}`);
  if (third !== undefined && !isMode(third)) throw fail('invalid-argument', `bad mode specified: ${third}`);
  if (third !== undefined) return { PathOnHost: host, PathInContainer: second || host, CgroupPermissions: third };
  if (isMode(second)) return { PathOnHost: host, PathInContainer: host, CgroupPermissions: second };
  return { PathOnHost: host, PathInContainer: second ?? host, CgroupPermissions: 'rwm' };
}

function parseWeight(text: string): WeightDevice {
  const [path = '', weight = '', ...others] = text.split(':');
  if (!text.includes(':')) throw fail('invalid-argument', `bad format: ${text}`);
  if (others.length > 0) throw fail('invalid-argument', `bad format for device path: ${text}`);
  if (!path.startsWith('/dev/')) throw fail('invalid-argument', `bad format for device path: ${text}`);
  const number = Number(weight);
  if (!/^\d+$/.test(weight) || (number > 0 && (number < 10 || number > 1000))) {
    throw fail('invalid-argument', `invalid weight for device: ${text}`);
  }
  return { Path: path, Weight: number };
}

function parseThrottle(text: string, rate: (text: string) => number, format: string): ThrottleDevice {
  const [path = '', amount = '', ...others] = text.split(':');
  const complaint = `invalid rate for device: ${text}. The correct format is ${format}`;
  if (!text.includes(':') || others.length > 0) throw fail('invalid-argument', `bad format: ${text}`);
  if (!path.startsWith('/dev/')) throw fail('invalid-argument', `bad format for device path: ${text}`);
  try {
    return { Path: path, Rate: rate(amount) };
  } catch (error) {
    throw fail('invalid-argument', complaint, error);
  }
}

const bytesFormat =
  '<device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb';
const operationsFormat = '<device-path>:<number>. Number must be a positive integer';

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
export const ulimitFlag = (summary: string): Flag<readonly Ulimit[]> => ({
  ...appended('ulimit', summary, parseUlimit),
  completes: { pairs: Object.fromEntries(ulimitNames.map((name) => [name, 'none'] as const)) },
});

/** The `--device-cgroup-rule` flag. */
export const deviceRuleFlag = (summary: string): Flag<readonly string[]> =>
  list(summary, {}, (value) => {
    if (/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(value)) return value;
    throw fail('invalid-argument', `invalid device cgroup format '${value}'`);
  });

/** The `--blkio-weight-device` flag. */
export const weightFlag = (summary: string): Flag<readonly WeightDevice[]> => appended('list', summary, parseWeight);

/** The `--device-read-bps` flag and its like: bytes a second. */
export const bytesRateFlag = (summary: string): Flag<readonly ThrottleDevice[]> =>
  appended('list', summary, (text) => parseThrottle(text, parseBytes, bytesFormat));

/** The `--device-read-iops` flag and its like: operations a second. */
export const operationsRateFlag = (summary: string): Flag<readonly ThrottleDevice[]> =>
  appended('list', summary, (text) => parseThrottle(text, wholeNumber, operationsFormat));

/** The `--cpus` flag: a number of processors with a fraction, as billionths. */
export function cpusFlag(summary: string): Flag<number> {
  return {
    type: 'decimal',
    summary,
    initial: 0,
    parse(text) {
      if (!/^\d*\.?\d+$|^\d+\.$/.test(text))
        throw fail('invalid-argument', `failed to parse ${text} as a rational number`);
      const fraction = /\.(\d*?)0*$/.exec(text)?.[1] ?? '';
      if (fraction.length > 9) throw fail('invalid-argument', 'value is too precise');
      return Math.round(Number(text) * 1e9);
    },
  };
}

/** The policies of `--restart`; `on-failure` may have a count after a colon. */
export const restartPolicies = ['no', 'on-failure', 'always', 'unless-stopped'];

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
