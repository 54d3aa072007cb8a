import { fail } from '#std/errors';
import type { Flag } from '../grammar/flag.ts';

const binaryUnits = 'bkmgtp';

/**
 * Reads a size with an optional binary unit: `512`, `64k`, `1.5GB`, `2GiB`. Gives bytes.
 * @throws `invalid-argument`
 */
export function parseBytes(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmgtp])(?:i?b)?|b)?\s*$/i.exec(text);
  if (!match) throw fail('invalid-argument', `invalid size: '${text}'`);
  const unit = (match[2] ?? 'b').toLowerCase();
  return Math.trunc(Number(match[1]) * 1024 ** binaryUnits.indexOf(unit));
}

/** A flag whose value is a size in bytes; -1 stands for no limit where `unlimited` is allowed. */
export function bytes(
  summary: string,
  extra: { short?: string; unlimited?: boolean; hidden?: boolean } = {},
): Flag<number> {
  const { unlimited, ...rest } = extra;
  return {
    type: 'bytes',
    summary,
    initial: 0,
    ...rest,
    parse: (text) => (unlimited && text === '-1' ? -1 : parseBytes(text)),
  };
}
