import { isDurationUnit, parseDurationNs } from '#std/duration';
import { fail } from '#std/errors';
import type { Flag } from '../grammar/flag.ts';

/** A flag whose value is a duration, in nanoseconds. */
export function duration(summary: string): Flag<number> {
  return {
    type: 'duration',
    summary,
    initial: 0,
    parse(text) {
      const value = parseDurationNs(text);
      const unit = /^[+-]?\d*\.?\d+([^\d.]+)$/.exec(text)?.[1];
      if (value === undefined && unit !== undefined && !isDurationUnit(unit)) {
        throw fail('invalid-argument', `time: unknown unit "${unit}" in duration "${text}"`);
      }
      if (value === undefined) throw fail('invalid-argument', `time: invalid duration "${text}"`);
      return value;
    },
  };
}
