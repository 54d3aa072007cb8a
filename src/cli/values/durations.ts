import { fail } from '#std/errors';
import type { Flag } from '../grammar/flag.ts';

const unitNs: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/**
 * Reads a duration as Go writes it (`1h30m`, `1.5s`, `-200ms`, `0`). Gives nanoseconds, undefined when it is none.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^[+-]?(?:\d*\.?\d+(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d*\.?\d+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(number) * (unitNs[unit ?? ''] ?? 0);
  }
  return text.startsWith('-') ? -Math.round(total) : Math.round(total);
}

/** A flag whose value is a duration, in nanoseconds. */
export function duration(summary: string): Flag<number> {
  return {
    type: 'duration',
    summary,
    initial: 0,
    parse(text) {
      const value = parseDuration(text);
      const unit = /^[+-]?\d*\.?\d+([^\d.]+)$/.exec(text)?.[1];
      if (value === undefined && unit !== undefined && !(unit in unitNs)) {
        throw fail('invalid-argument', `time: unknown unit "${unit}" in duration "${text}"`);
      }
      if (value === undefined) throw fail('invalid-argument', `time: invalid duration "${text}"`);
      return value;
    },
  };
}

/** A span of time for people, in the largest unit that fits: `2 minutes`, `About an hour`. */
export function printAge(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  const minutes = Math.trunc(ms / 60_000);
  const hours = Math.round(ms / 3_600_000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(hours / 24 / 365)} years`;
}
