import { fail } from '#std/errors';

/** Splits an instruction's arguments as a Dockerfile does: at blanks, but not within quotes or after a backslash. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? '';
    if (character === '\\' && quote !== "'" && index + 1 < text.length) {
      word += character + (text[index + 1] ?? '');
      index += 1;
    } else if (quote === '' && /\s/.test(character)) {
      if (word !== '') words.push(word);
      word = '';
    } else {
      if (quote === character) quote = '';
      else if (quote === '' && (character === '"' || character === "'")) quote = character;
      word += character;
    }
  }
  if (word !== '') words.push(word);
  return words;
}

/** Takes quotes and escapes off a word. */
export function unquote(word: string): string {
  let result = '';
  let quote = '';
  for (let index = 0; index < word.length; index += 1) {
    const character = word[index] ?? '';
    const next = word[index + 1] ?? '';
    if (character === '\\' && quote !== "'" && (quote === '' || '"\\$'.includes(next))) {
      result += next;
      index += 1;
    } else if (quote === character) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else result += character;
  }
  return result;
}

/** `KEY=VALUE …`, or the old form `KEY VALUE` of one pair whose value is the rest of the line. */
export function parsePairs(instruction: string, text: string): [key: string, value: string][] {
  const words = splitWords(text);
  const [first = ''] = words;
  if (!first.includes('=')) {
    const blank = text.search(/\s/);
    if (blank === -1) throw fail('invalid-argument', `${instruction} must have two arguments`);
    return [[first, unquote(text.slice(blank).trim())]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals === -1) {
      throw fail('invalid-argument', `Syntax error - can't find = in "${word}". Must be of the form: name=value`);
    }
    const key = unquote(word.slice(0, equals));
    if (key === '') throw fail('invalid-argument', `${instruction} names can not be blank`);
    return [key, unquote(word.slice(equals + 1))];
  });
}

/** The JSON form of an instruction's arguments; undefined when it is not in that form. */
export function parseJsonWords(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}
