import { fail } from '#std/errors';

/** Bytes of a size as Docker writes them: `64m`, `1.5 GiB`; every unit is binary. Throws `invalid-argument`. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp])?(?:i?b)?$/i.exec(text.trim());
  if (match === null) throw fail('invalid-argument', `invalid size: '${text}'`);
  const power = ' kmgtp'.indexOf((match[2] ?? ' ').toLowerCase());
  return Math.trunc(Number(match[1]) * 1024 ** power);
}
