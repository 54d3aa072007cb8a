import { fail } from '#std/errors';
import { quoteGo } from './quote.ts';

/** A word of a line, as it is written or, of JSON, as it is meant; `offset` and `end` are places in the line. */
export interface Word {
  readonly text: string;
  readonly offset: number;
  readonly end: number;
}

/** A name and its value; `isLegacy` when a blank stands between them. */
export interface Pair {
  readonly key: Word;
  readonly value: Word;
  readonly isLegacy: boolean;
}

/** What Go takes for a blank beside those of ASCII. */
const space = /[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Whether a character is a blank to BuildKit. */
function isSpace(character: string | undefined): boolean {
  if (character === undefined) return false;
  const code = character.charCodeAt(0);
  return code < 0x80 ? code === 0x20 || (code >= 9 && code <= 13) : space.test(character);
}

/** The part of a line between two places without the blanks at its ends. */
export function trimmed(line: string, offset: number, end = line.length): Word {
  let first = offset;
  let last = end;
  while (first < last && isSpace(line[first])) first++;
  while (last > first && isSpace(line[last - 1])) last--;
  return { text: line.slice(first, last), offset: first, end: last };
}

/** Words between blanks. */
export function splitBlanks({ text, offset }: Word): Word[] {
  return [...text.matchAll(/[^\t\v\f\r ]+/g)].map(({ 0: word, index }) => ({
    text: word,
    offset: offset + index,
    end: offset + index + word.length,
  }));
}

/** Words between blanks that neither quotes nor escapes keep together; these stay in them. */
export function splitQuoted({ text, offset }: Word, escapeCharacter: string): Word[] {
  const words: Word[] = [];
  let word = '';
  let start = -1;
  let quote = '';
  let mayBeEmpty = false;
  const finish = (end: number): void => {
    if (start !== -1 && (mayBeEmpty || word !== ''))
      words.push({ text: word, offset: offset + start, end: offset + end });
    [word, start, mayBeEmpty] = ['', -1, false];
  };
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? '';
    if (quote === '' && isSpace(character)) {
      finish(index);
      continue;
    }
    if (start === -1) start = index;
    if (quote === '' && (character === "'" || character === '"')) {
      quote = character;
      mayBeEmpty = true;
    } else if (character === quote) quote = '';
    if (character === escapeCharacter && quote !== "'") {
      // An escape at the end is left out.
      if (index + 1 === text.length) break;
      word += character + text[++index];
    } else word += character;
  }
  finish(text.length);
  return words;
}

/** `name=value …`, or `name value` as it was written once. Throws in BuildKit's words. */
export function splitPairs(rest: Word, keyword: string, escapeCharacter: string): Pair[] {
  const words = splitQuoted(rest, escapeCharacter);
  const [first] = words;
  if (first === undefined) return [];
  if (!first.text.includes('=')) {
    const [, name = '', blank = '', value] = /^([^\t\v\f\r ]*)([\t\v\f\r ]+)([\s\S]*)$/.exec(rest.text) ?? [];
    if (value === undefined) throw fail('invalid-argument', `${keyword} must have two arguments`);
    const from = rest.offset + name.length + blank.length;
    const key = { text: name, offset: rest.offset, end: rest.offset + name.length };
    return [{ key, value: { text: value, offset: from, end: rest.end }, isLegacy: true }];
  }
  return words.map(({ text, offset, end }) => {
    const split = text.indexOf('=');
    if (split === -1) {
      throw fail(
        'invalid-argument',
        `Syntax error - can't find = in ${quoteGo(text)}. Must be of the form: name=value`,
      );
    }
    return {
      key: { text: text.slice(0, split), offset, end: offset + split },
      value: { text: text.slice(split + 1), offset: offset + split + 1, end },
      isLegacy: false,
    };
  });
}

/** The strings of a JSON array; undefined when the text is none. Throws when it holds what is no string. */
export function splitJson({ text, offset }: Word): Word[] | undefined {
  if (!text.startsWith('[')) return undefined;
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(values)) return undefined;
  if (!values.every((value) => typeof value === 'string')) {
    throw fail('invalid-argument', 'when using JSON array syntax, arrays must be comprised of strings only');
  }
  const places = [...text.matchAll(/"(?:[^"\\]|\\.)*"/g)];
  return values.map((value, index) => {
    const at = offset + (places[index]?.index ?? 0);
    return { text: value, offset: at, end: at + (places[index]?.[0].length ?? text.length) };
  });
}

/** The flags at the head of what follows a keyword (without quotes and escapes), and where the rest begins. */
export function splitFlags({ text, offset }: Word): { flags: Word[]; rest: number } {
  if (!text.startsWith('--')) return { flags: [], rest: offset };
  const flags: Word[] = [];
  let index = 0;
  for (;;) {
    while (isSpace(text[index])) index++;
    if (!text.startsWith('--', index)) return { flags, rest: offset + index };
    const start = index;
    let word = '';
    let quote = '';
    for (; index < text.length && (quote !== '' || !isSpace(text[index])); index++) {
      const character = text[index] ?? '';
      if (character === quote) quote = '';
      else if (quote === '' && (character === "'" || character === '"')) quote = character;
      else if (character === '\\') word += text[++index] ?? '';
      else word += character;
    }
    if (word === '--') return { flags, rest: offset + index };
    flags.push({ text: word, offset: offset + start, end: offset + Math.min(index, text.length) });
  }
}
