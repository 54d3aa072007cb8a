import { parseDurationNs } from '#std/duration';
import { fail } from '#std/errors';
import { nowNs, parseTime } from '#std/time';

function printUnix(ns: bigint): string {
  const seconds = ns / 1_000_000_000n;
  const rest = ns % 1_000_000_000n;
  return `${seconds}.${rest.toString().padStart(9, '0')}`;
}

/** Minutes east of UTC that local wall-clock time has at that moment, as RFC 3339 writes them. */
function localOffset(text: string): string {
  const minutes = -new Date(text).getTimezoneOffset();
  const absolute = Math.abs(minutes);
  const pad = (value: number): string => String(value).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${pad(Math.trunc(absolute / 60))}:${pad(absolute % 60)}`;
}

/**
 * The moment that `--since` and `--until` name, as the API takes it (Unix seconds with nanoseconds): a Unix time, RFC
 * 3339 with any part of the time left out, or a duration before now (`10m`). Empty stays undefined.
 * @throws `invalid-argument`, with the name of the flag when it is given
 */
export function apiTimestamp(name: 'since' | 'until' | undefined, text: string): string | undefined {
  if (text === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return text;
  const before = parseDurationNs(text);
  if (before !== undefined) return printUnix(nowNs() - BigInt(before));
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (match) {
    const local = `${match[1]}T${match[2] ?? '00'}:${match[3] ?? '00'}:${match[4] ?? '00'}`;
    const time = parseTime(local + (match[5] ?? localOffset(local)));
    if (time !== undefined) return printUnix(time);
  }
  const message = `failed to parse value as time or duration: "${text}"`;
  throw fail('invalid-argument', name === undefined ? message : `invalid value for "${name}": ${message}`);
}
