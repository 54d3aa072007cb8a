import { fail, messageOf } from '#std/errors';
import { refusedSettings } from './refused.ts';
import { allSettings, type Setting } from './table.ts';
import { type Value, valueFromFlag } from './values.ts';

/** What settings are kept under: the key of daemon.json, or the flag where there is none. */
export function nameOf({ key, flag }: Setting): string {
  return key ?? flag ?? '';
}

const byFlag = new Map(allSettings.flatMap((setting) => (setting.flag === undefined ? [] : [[setting.flag, setting]])));
const byLetter = new Map(
  allSettings.flatMap((setting) => (setting.short === undefined ? [] : [[setting.short, setting]])),
);

/** Reads `-H x`, `-Hx` and `-dD` as the long flags that they stand for: a list of `[flag, value, how it was written]`. */
function longForm(word: string, next: () => string | undefined): [Setting, string | undefined, string][] {
  const found: [Setting, string | undefined, string][] = [];
  for (let index = 1; index < word.length; index += 1) {
    const setting = byLetter.get(word.charAt(index));
    if (setting === undefined) {
      throw fail('invalid-argument', `unknown shorthand flag: '${word.charAt(index)}' in ${word}`);
    }
    const written = `-${setting.short}, --${setting.flag}`;
    if (setting.kind === 'boolean') {
      found.push([setting, 'true', written]);
      continue;
    }
    const rest = word.slice(index + 1).replace(/^=/, '');
    found.push([setting, rest === '' ? next() : rest, written]);
    break;
  }
  return found;
}

function readWord(word: string, next: () => string | undefined): [Setting, string | undefined, string][] {
  if (!word.startsWith('--')) return longForm(word, next);
  const equals = word.indexOf('=');
  const flag = equals === -1 ? word.slice(2) : word.slice(2, equals);
  const setting = byFlag.get(flag);
  if (setting === undefined) {
    // Flags that may be given several times are a plural in the file.
    const reason = refusedSettings[flag] ?? refusedSettings[`${flag}s`];
    throw fail(
      'invalid-argument',
      reason === undefined ? `unknown flag: --${flag}` : `--${flag} is not supported: ${reason}`,
    );
  }
  if (equals !== -1) return [[setting, word.slice(equals + 1), `--${flag}`]];
  return [[setting, setting.kind === 'boolean' ? 'true' : next(), `--${flag}`]];
}

/** The settings that a command line gives, by name. Throws `invalid-argument` in the words of Docker's own parser. */
export function parseFlags(argv: readonly string[]): Map<string, Value> {
  const values = new Map<string, Value>();
  const words = [...argv];
  while (words.length > 0) {
    const word = words.shift() ?? '';
    if (!word.startsWith('-') || word === '-') {
      throw fail('invalid-argument', `"estiba engine" takes no arguments, only flags and "stop": ${word}`);
    }
    for (const [setting, value, written] of readWord(word, () => words.shift())) {
      if (value === undefined) throw fail('invalid-argument', `flag needs an argument: ${written.split(', ').at(-1)}`);
      try {
        values.set(nameOf(setting), valueFromFlag(setting, value, values.get(nameOf(setting))));
      } catch (error) {
        throw fail(
          'invalid-argument',
          `invalid argument ${JSON.stringify(value)} for "${written}" flag: ${messageOf(error)}`,
        );
      }
    }
  }
  return values;
}
