import type { ImageGcPolicy, Watermark } from '#images';
import { parseDurationNs } from '#std/duration';
import { fail } from '#std/errors';
import { parseSize } from './size.ts';

const members = ['high', 'low', 'keep-last', 'pinned', 'min-age'];
/** Without a low watermark: so much of the high one. */
const usualLow = 0.9;
const usualMinAgeMs = 3600_000;
const nsPerMs = 1e6;

function refuse(key: string, member: string, what: string): Error {
  return fail('invalid-argument', `${key}.${member}: ${what}`);
}

function watermark(key: string, member: string, value: unknown): Watermark {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return { bytes: value };
  if (typeof value !== 'string') throw refuse(key, member, 'a share ("85%") or a size ("20g") is needed');
  const share = /^(\d+(?:\.\d+)?)\s*%$/.exec(value.trim());
  if (share === null) return { bytes: parseSize(value) };
  const percent = Number(share[1]);
  if (percent > 100) throw refuse(key, member, `${value} is more than all there is`);
  return { percent };
}

function lowOf(key: string, value: unknown, high: Watermark): Watermark {
  const [size, kind] = 'percent' in high ? [high.percent, 'percent'] : [high.bytes, 'bytes'];
  if (value === undefined)
    return 'percent' in high ? { percent: size * usualLow } : { bytes: Math.floor(size * usualLow) };
  const low = watermark(key, 'low', value);
  if (!(kind in low)) throw refuse(key, 'low', 'it must be of the same kind as high: a share or a size');
  if (('percent' in low ? low.percent : low.bytes) > size) throw refuse(key, 'low', 'it must not be more than high');
  return low;
}

function pinnedOf(key: string, value: unknown = []): readonly string[] {
  if (!Array.isArray(value) || !value.every((item): item is string => typeof item === 'string' && item !== '')) {
    throw refuse(key, 'pinned', 'a list of names or patterns is needed');
  }
  return value;
}

function minAgeOf(key: string, value: unknown): number {
  if (value === undefined) return usualMinAgeMs;
  const ns = typeof value === 'string' ? parseDurationNs(value) : undefined;
  if (ns === undefined || ns < 0) throw refuse(key, 'min-age', 'a duration ("1h30m") is needed');
  return ns / nsPerMs;
}

/** What daemon.json says of images that make room by themselves. Throws `invalid-argument`. */
export function imageGcPolicy(key: string, value: Readonly<Record<string, unknown>>): ImageGcPolicy {
  const other = Object.keys(value).find((name) => !members.includes(name));
  if (other !== undefined) throw refuse(key, other, `not supported: there are ${members.join(', ')}`);
  const { high: highValue, low, pinned, 'keep-last': keepLast = 0, 'min-age': minAge } = value;
  if (highValue === undefined) throw refuse(key, 'high', 'it is needed');
  if (typeof keepLast !== 'number' || !Number.isSafeInteger(keepLast) || keepLast < 0) {
    throw refuse(key, 'keep-last', 'a number of images is needed');
  }
  const high = watermark(key, 'high', highValue);
  return {
    high,
    low: lowOf(key, low, high),
    keepLast,
    pinned: pinnedOf(key, pinned),
    minAgeMs: minAgeOf(key, minAge),
  };
}
