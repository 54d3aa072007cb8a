import type { Filters } from '#api';
import { familiarName, familiarReference, type ImageReference } from '#oci';
import { parseDurationNs } from '#std/duration';
import { fail } from '#std/errors';
import { pathMatcher } from '#std/glob';
import { nowNs, parseTime } from '#std/time';
import type { StoredImage } from './catalogue.ts';

function invalid(name: string, values: readonly string[]): Error {
  return fail('invalid-argument', `invalid filter '${name}=[${values.join(' ')}]'`);
}

/** Throws `invalid-argument` when a filter is not one of those allowed. */
export function checkFilters(filters: Filters, allowed: readonly string[]): void {
  for (const name of filters.keys()) {
    if (!allowed.includes(name)) throw fail('invalid-argument', `invalid filter '${name}'`);
  }
}

/** A yes-or-no filter; undefined when it is not given. */
export function booleanFilter(filters: Filters, name: string): boolean | undefined {
  const values = filters.get(name);
  if (values === undefined || values.length === 0) return undefined;
  const yes = values.every((value) => value === '1' || value === 'true');
  const no = values.every((value) => value === '0' || value === 'false');
  if (yes === no) throw invalid(name, values);
  return yes;
}

/** A point in time out of a timestamp, or so long ago out of a duration (`10m`, `1h30m`). Nanoseconds since the epoch. */
function momentOf(text: string): bigint {
  const ago = parseDurationNs(text);
  if (ago !== undefined) return nowNs() - BigInt(ago);
  const moment = parseTime(text) ?? parseTime(`${text}Z`) ?? parseTime(`${text}T00:00:00Z`);
  if (moment === undefined) throw fail('invalid-argument', `failed to parse value as time or duration: "${text}"`);
  return moment;
}

/** The `until` filter; undefined when it is not given. */
export function untilFilter(filters: Filters): bigint | undefined {
  const values = filters.get('until');
  if (values === undefined) return undefined;
  const [value, ...more] = values;
  if (value === undefined || more.length > 0) throw fail('invalid-argument', 'more than one until filter specified');
  return momentOf(value);
}

function hasLabel(image: StoredImage, text: string): boolean {
  const [key = '', expected] = text.split(/=(.*)/s);
  const actual = image.config.Labels?.[key];
  return actual !== undefined && (expected === undefined || actual === expected);
}

/** Whether an image has all labels of `label` and none of `label!`. */
export function matchesLabels(image: StoredImage, filters: Filters): boolean {
  const wanted = filters.get('label') ?? [];
  const unwanted = filters.get('label!') ?? [];
  return wanted.every((text) => hasLabel(image, text)) && !unwanted.some((text) => hasLabel(image, text));
}

/** When an image was made, in nanoseconds since the epoch; 0 when it does not say. */
export function createdNs(image: StoredImage): bigint {
  return parseTime(image.created) ?? 0n;
}

/** The test of the `reference` filter: patterns over a familiar name, with or without the tag; undefined when not given. */
export function referenceFilter(filters: Filters): ((reference: ImageReference) => boolean) | undefined {
  const patterns = filters.get('reference')?.map(pathMatcher);
  if (patterns === undefined || patterns.length === 0) return undefined;
  return (reference) => {
    const names = [familiarReference(reference), familiarName(reference.name)];
    return patterns.some((matches) => names.some(matches));
  };
}
