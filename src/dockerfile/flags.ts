import { fail } from '#std/errors';
import { didYouMean } from './suggest.ts';
import type { Word } from './words.ts';

type FlagKind = 'text' | 'boolean' | 'list';
type FlagValue<K extends FlagKind> = K extends 'text' ? string : K extends 'boolean' ? boolean | undefined : string[];
type FlagValues<S extends Record<string, FlagKind>> = { [N in keyof S]: FlagValue<S[N]> };

const wrong = (message: string): Error => fail('invalid-argument', message);

function booleanOf(name: string, value: string | undefined): boolean {
  if (value === '') throw wrong(`missing a value on flag: --${name}`);
  const lower = value?.toLowerCase() ?? 'true';
  if (lower !== 'true' && lower !== 'false') throw wrong(`expecting boolean value for flag --${name}, not: ${value}`);
  return lower === 'true';
}

/**
 * Reads flags (`--name=value`) by a table of those that an instruction takes. Texts that are not given are empty, booleans
 * undefined. Throws in BuildKit's words.
 */
export function readFlags<const S extends Record<string, FlagKind>>(flags: readonly Word[], table: S): FlagValues<S> {
  const values: Record<string, string | boolean | undefined | string[]> = {};
  for (const name in table) values[name] = table[name] === 'text' ? '' : table[name] === 'list' ? [] : undefined;
  if (flags.length === 0) return values as FlagValues<S>;
  const used = new Set<string>();
  for (const { text } of flags) {
    const split = text.indexOf('=');
    const name = text.slice(2, split === -1 ? undefined : split);
    const value = split === -1 ? undefined : text.slice(split + 1);
    const kind = Object.hasOwn(table, name) ? table[name] : undefined;
    if (kind === undefined) throw wrong(`unknown flag: --${name}${didYouMean(name, Object.keys(table), true)}`);
    if (used.has(name) && kind !== 'list') throw wrong(`duplicate flag specified: --${name}`);
    used.add(name);
    if (kind === 'boolean') {
      values[name] = booleanOf(name, value);
      continue;
    }
    if (value === undefined) throw wrong(`missing a value on flag: --${name}`);
    const before = values[name];
    values[name] = Array.isArray(before) ? [...before, value] : value;
  }
  return values as FlagValues<S>;
}
