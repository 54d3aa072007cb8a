import { EstibaError, messageOf } from '#std/errors';
import type { Flag, FlagTable, FlagValues } from './flag.ts';
import { nearest } from './nearest.ts';

export interface ParsedFlags<F extends FlagTable> {
  readonly values: FlagValues<F>;
  /** The names of the flags that were given. */
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  readonly help: boolean;
}

/** What is wrong with the flags, in the words of the docker CLI; `suggestion` is the flag that was meant. */
export class FlagError extends EstibaError {
  constructor(
    message: string,
    readonly suggestion?: string,
  ) {
    super('invalid-argument', message);
  }
}

/**
 * Reads flags as docker's CLI does (the POSIX grammar of Go's pflag): `--name value`, `--name=value`, `-n value`,
 * `-nvalue`, clusters such as `-itp 80`, `--` as the end of flags.
 * A parser of our own, because no library knows where docker's flags end (`interspersed` false: at the first argument,
 * what follows belongs to the container), takes `--switch=false`, and makes help from the same table; commander, the
 * nearest, costs 7 ms of start-up, this one less than can be measured.
 * @throws FlagError
 */
export function parseFlags<F extends FlagTable>(
  table: F,
  argv: readonly string[],
  options: { interspersed: boolean; suggests?: boolean },
): ParsedFlags<F> {
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(table)) values[name] = flag.initial;
  const given = new Set<string>();
  const args: string[] = [];
  const queue = [...argv];
  let help = false;

  const assign = (name: string, flag: Flag<unknown>, value: string): void => {
    try {
      values[name] = flag.parse(value, values[name]);
    } catch (error) {
      const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
      throw new FlagError(`invalid argument ${JSON.stringify(value)} for "${shown}" flag: ${messageOf(error)}`);
    }
    given.add(name);
  };

  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') {
      args.push(...queue);
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      args.push(word);
      if (options.interspersed) continue;
      args.push(...queue);
      break;
    }
    if (word === '--help' || (word === '-h' && !shortNames(table).has('h'))) help = true;
    else if (word.startsWith('--')) takeLong(table, word, queue, assign, options.suggests !== false);
    else takeShort(table, word, queue, assign);
  }
  return { values: values as FlagValues<F>, given, args, help };
}

type Assign = (name: string, flag: Flag<unknown>, value: string) => void;

function takeLong(table: FlagTable, word: string, queue: string[], assign: Assign, suggests: boolean): void {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  if (name === '' || name.startsWith('-')) throw new FlagError(`bad flag syntax: ${word}`);
  const flag = Object.hasOwn(table, name) ? table[name] : undefined;
  if (!flag) {
    const names = Object.keys(table).filter((key) => table[key]?.hidden !== true);
    const suggestion = suggests ? nearest(name, names) : undefined;
    throw new FlagError(`unknown flag: --${name}`, suggestion === undefined ? undefined : `--${suggestion}`);
  }
  const value = equals >= 0 ? word.slice(equals + 1) : flag.isSwitch ? 'true' : queue.shift();
  if (value === undefined) throw new FlagError(`flag needs an argument: --${name}`);
  assign(name, flag, value);
}

function takeShort(table: FlagTable, word: string, queue: string[], assign: Assign): void {
  const shorts = shortNames(table);
  for (let index = 1; index < word.length; index++) {
    const letter = word.charAt(index);
    const name = shorts.get(letter);
    const flag = name === undefined ? undefined : table[name];
    if (name === undefined || !flag) throw new FlagError(`unknown shorthand flag: '${letter}' in ${word}`);
    const rest = word.slice(index + 1);
    if (flag.isSwitch && !rest.startsWith('=')) {
      assign(name, flag, 'true');
      continue;
    }
    const value = rest === '' ? queue.shift() : rest.replace(/^=/, '');
    if (value === undefined) throw new FlagError(`flag needs an argument: '${letter}' in ${word}`);
    assign(name, flag, value);
    return;
  }
}

function shortNames(table: FlagTable): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, flag] of Object.entries(table)) if (flag.short !== undefined) names.set(flag.short, name);
  return names;
}
