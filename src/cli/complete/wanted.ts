import { type Catalogue, findEntry } from '../grammar/catalogue.ts';
import { isShown } from '../grammar/entry.ts';
import type { FlagTable, ValueKind } from '../grammar/flag.ts';
import { globalFlags } from '../grammar/global-flags.ts';

/** A text that may stand in the place of the word, and what it is. */
export interface Candidate {
  readonly text: string;
  readonly summary: string;
}

/** What the last word of an unfinished command line may be: texts that are known, or values of some kind. */
export type Wanted =
  | { readonly candidates: readonly Candidate[] }
  | {
      readonly values: ValueKind;
      /** The end of the word, which is what the value has of it so far. */
      readonly typed: string;
      /** The word's beginning, as `--network=`. */
      readonly prefix: string;
    };

interface Scan {
  readonly args: readonly string[];
  /** The flag whose value the next word is. */
  readonly pending: string | undefined;
  /** No word that follows is a flag. */
  readonly isPastFlags: boolean;
}

function nameOfShort(table: FlagTable, letter: string): string | undefined {
  return Object.keys(table).find((name) => table[name]?.short === letter);
}

/** The flag that takes the word after this one as its value. */
function awaiting(table: FlagTable, word: string): string | undefined {
  if (word.startsWith('--')) {
    const name = word.slice(2);
    return Object.hasOwn(table, name) && table[name]?.isSwitch !== true ? name : undefined;
  }
  for (let index = 1; index < word.length; index++) {
    const name = nameOfShort(table, word.charAt(index));
    if (name === undefined) return undefined;
    if (table[name]?.isSwitch !== true) return index === word.length - 1 ? name : undefined;
  }
  return undefined;
}

/** Reads finished words as the parser would, but forgives what it would refuse: the line is not finished. */
function scan(table: FlagTable, words: readonly string[], interspersed: boolean): Scan {
  const args: string[] = [];
  let pending: string | undefined;
  for (const [index, word] of words.entries()) {
    if (pending !== undefined) pending = undefined;
    else if (word === '--') return { args: [...args, ...words.slice(index + 1)], pending, isPastFlags: true };
    else if (word.startsWith('-') && word !== '-') pending = awaiting(table, word);
    else if (interspersed) args.push(word);
    else return { args: words.slice(index), pending, isPastFlags: true };
  }
  return { args, pending, isPastFlags: false };
}

function flagCandidates(table: FlagTable, word: string): Candidate[] {
  const shown = Object.entries(table).filter(([, flag]) => flag.hidden !== true && flag.deprecatedFor === undefined);
  const long = shown.map(([name, { summary }]) => ({ text: `--${name}`, summary }));
  const help = { text: '--help', summary: 'Show what there is to know of this command' };
  const short = shown.flatMap(([, flag]) =>
    flag.short === undefined ? [] : [{ text: `-${flag.short}`, summary: flag.summary }],
  );
  return word.startsWith('--') ? [...long, help] : [...short, ...long, help];
}

/** The value that a word of the form `--flag=value` is at, or the flags that it may become. */
function inFlag(table: FlagTable, word: string): Wanted {
  const equals = word.indexOf('=');
  if (!word.startsWith('--') || equals < 0) return { candidates: flagCandidates(table, word) };
  const flag = Object.hasOwn(table, word.slice(2, equals)) ? table[word.slice(2, equals)] : undefined;
  return {
    values: flag?.isSwitch ? ['true', 'false'] : (flag?.completes ?? 'none'),
    typed: word.slice(equals + 1),
    prefix: word.slice(0, equals + 1),
  };
}

function inFlags(table: FlagTable, { pending, isPastFlags }: Scan, word: string): Wanted | undefined {
  if (pending !== undefined) return { values: table[pending]?.completes ?? 'none', typed: word, prefix: '' };
  return !isPastFlags && word.startsWith('-') ? inFlag(table, word) : undefined;
}

function commandNames({ entries, groups }: Catalogue): Candidate[] {
  const flat = entries.flatMap((entry) =>
    entry.flat !== undefined && isShown(entry) ? [{ text: entry.flat, summary: entry.summary }] : [],
  );
  const named = Object.entries(groups)
    .filter(([group]) => entries.some((entry) => entry.group === group && isShown(entry)))
    .map(([text, summary]) => ({ text, summary }));
  return [...flat, ...named, { text: 'help', summary: 'Show what there is to know of a command' }];
}

function namesIn({ entries }: Catalogue, group: string): Candidate[] {
  return entries
    .filter((entry) => entry.group === group && isShown(entry))
    .map(({ name, summary }) => ({ text: name, summary }));
}

/** What the words before the command say of the engine that is to be asked. */
export function globalWords(words: readonly string[]): readonly string[] {
  return words.slice(0, words.length - scan(globalFlags, words, false).args.length);
}

/** What may be put in the place of the last of the words that follow the program's name; it may be empty. */
export async function wantedAt(catalogue: Catalogue, words: readonly string[]): Promise<Wanted> {
  const word = words.at(-1) ?? '';
  const global = scan(globalFlags, words.slice(0, -1), false);
  const atGlobal = inFlags(globalFlags, global, word);
  if (atGlobal) return atGlobal;
  const path = global.args[0] === 'help' ? global.args.slice(1) : global.args;
  const [first] = path;
  if (first === undefined) return { candidates: commandNames(catalogue) };
  const found = findEntry(catalogue, path);
  if (!found?.entry.load) return { candidates: path.length === 1 ? namesIn(catalogue, first) : [] };
  const command = await found.entry.load();
  const state = scan(command.flags, path.slice(found.length), command.interspersed ?? true);
  const atFlag = inFlags(command.flags, state, word);
  if (atFlag) return atFlag;
  const { args, operands = ['none'] } = command;
  const index = state.args.length;
  const subcommands = index === 0 && found.length === 1 ? namesIn(catalogue, first) : [];
  if (subcommands.length > 0) return { candidates: subcommands };
  if (args.max !== undefined && index >= args.max) return { candidates: [] };
  return { values: operands[Math.min(index, operands.length - 1)] ?? 'none', typed: word, prefix: '' };
}
