import { fail, messageOf } from '#std/errors';
import { quoteGo } from './quote.ts';
import { replacePattern, trimPrefix, trimSuffix } from './shell-pattern.ts';

/** Where variables are looked up; a map is one. */
export interface Environment {
  get(name: string): string | undefined;
  /** The names of those that are there, the oldest first. */
  keys(): Iterable<string>;
}

export interface ExpandOptions {
  /** `\` unless the `escape` directive says "`". */
  readonly escape: string;
  /** Quotes stay in the result. */
  readonly rawQuotes?: boolean;
  /** Escapes stay in the result. */
  readonly rawEscapes?: boolean;
  /** Quotes are characters as any other: in here-documents. */
  readonly ignoreQuotes?: boolean;
  /** Variables that are not there stay as they are written. */
  readonly keepUnset?: boolean;
  /** The result is split into words. */
  readonly splits?: boolean;
}

export interface Expansion {
  readonly text: string;
  /** With `splits`: the text split at blanks that are not quoted; blanks that come out of variables count. */
  readonly words: readonly string[];
  /** The variables that were looked up and found, and those that were not. */
  readonly matched: ReadonlySet<string>;
  readonly unmatched: ReadonlySet<string>;
}

const blank = /\s/u;
const digit = /\p{Nd}/u;
const digits = /\p{Nd}*/uy;
const nameCharacters = /[\p{L}\p{Nd}_]*/uy;
const special = new Set('@*#?-$!0');
const nothing: ReadonlySet<string> = new Set();
/** Deeper than anybody writes, and far from the end of the stack. */
const depthMax = 250;
/** How much longer a word may get: no process could be started with a longer variable. */
const growthMax = 1 << 20;

/** Collects what an expansion gives, as a text and, when it is to be split, as words. */
class Collector {
  text = '';
  readonly words: string[] = [];
  #word = '';

  constructor(
    readonly splits: boolean,
    readonly lengthMax: number,
  ) {}

  /** Characters that belong to the word whatever they are. */
  addRaw(text: string): void {
    this.text += text;
    if (this.splits) this.#word += text;
    this.#bound();
  }

  /** Characters of which blanks end the word. */
  add(text: string): void {
    this.text += text;
    this.#bound();
    if (!this.splits) return;
    for (const character of text) {
      if (blank.test(character)) this.end();
      else this.#word += character;
    }
  }

  end(): void {
    if (this.#word !== '') this.words.push(this.#word);
    this.#word = '';
  }

  #bound(): void {
    if (this.text.length > this.lengthMax) throw fail('invalid-argument', 'the result is too long');
  }
}

class Expander {
  readonly matched = new Set<string>();
  readonly unmatched = new Set<string>();
  #at = 0;
  #depth = 0;

  constructor(
    readonly word: string,
    readonly environment: Environment,
    readonly options: ExpandOptions,
  ) {}

  get #peek(): string | undefined {
    return this.word[this.#at];
  }

  #next(): string | undefined {
    const code = this.word.codePointAt(this.#at);
    if (code === undefined) return undefined;
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  /** What stands before the next of some characters. */
  #take(stops: string): string {
    const start = this.#at;
    while (this.#at < this.word.length && !stops.includes(this.word[this.#at] ?? '')) this.#at++;
    return this.word.slice(start, this.#at);
  }

  #lookUp(name: string): string | undefined {
    const value = this.environment.get(name);
    (value === undefined ? this.unmatched : this.matched).add(name);
    return value;
  }

  /** Reads to `stop`, which is taken too, or to the end. */
  readUntil(stop: string | undefined, rawEscapes: boolean): Collector {
    if (++this.#depth > depthMax) throw fail('invalid-argument', 'syntax error: substitutions are nested too deeply');
    const found = new Collector(this.options.splits === true, this.word.length + growthMax);
    const quotes = this.options.ignoreQuotes === true ? '' : '\'"';
    const stops = `$${quotes}${this.options.escape}${stop ?? ''}`;
    for (;;) {
      const plain = this.#take(stops);
      if (plain !== '') found.add(plain);
      const character = this.#peek;
      if (character === undefined) break;
      if (character === stop) {
        this.#at++;
        found.end();
        this.#depth--;
        return found;
      }
      if (character === '$') found.add(this.#readVariable());
      else if (character === this.options.escape) this.#readEscaped(found, rawEscapes);
      else if (character === "'") found.addRaw(this.#readSingleQuoted());
      else found.addRaw(this.#readDoubleQuoted(rawEscapes));
    }
    if (stop !== undefined) {
      throw fail('invalid-argument', `unexpected end of statement while looking for matching ${stop}`);
    }
    found.end();
    this.#depth--;
    return found;
  }

  #readEscaped(found: Collector, rawEscapes: boolean): void {
    const mark = this.#next() ?? '';
    if (rawEscapes) found.addRaw(mark);
    const escaped = this.#next();
    if (escaped !== undefined) found.addRaw(escaped);
  }

  #readSingleQuoted(): string {
    const end = this.word.indexOf("'", this.#at + 1);
    if (end === -1) {
      this.#at = this.word.length;
      throw fail('invalid-argument', 'unexpected end of statement while looking for matching single-quote');
    }
    const text = this.word.slice(this.#at, end + 1);
    this.#at = end + 1;
    return this.options.rawQuotes === true ? text : text.slice(1, -1);
  }

  #readDoubleQuoted(rawEscapes: boolean): string {
    const quote = this.options.rawQuotes === true ? '"' : '';
    let text = quote;
    this.#at++;
    for (;;) {
      text += this.#take(`"$${this.options.escape}`);
      const character = this.#peek;
      if (character === undefined) {
        throw fail('invalid-argument', 'unexpected end of statement while looking for matching double-quote');
      }
      if (character === '$') {
        text += this.#readVariable();
        if (text.length > this.word.length + growthMax) throw fail('invalid-argument', 'the result is too long');
        continue;
      }
      this.#at++;
      if (character === '"') return text + quote;
      if (rawEscapes) text += character;
      const next = this.#peek;
      if (next === undefined) continue;
      // What cannot be escaped keeps the escape before it.
      const escapes = next === '"' || next === '$' || next === this.options.escape;
      text += escapes ? this.#next() : character;
    }
  }

  #readName(): string {
    const first = this.#peek ?? '';
    if (special.has(first) && first !== '0') return this.#next() ?? '';
    const pattern = digit.test(first) ? digits : nameCharacters;
    pattern.lastIndex = this.#at;
    const [name = ''] = pattern.exec(this.word) ?? [];
    this.#at += name.length;
    return name;
  }

  #readVariable(): string {
    this.#at++;
    if (this.#peek === '{') return this.#readBraced();
    const name = this.#readName();
    if (name === '') return '$';
    const value = this.#lookUp(name);
    return value ?? (this.options.keepUnset === true ? `$${name}` : '');
  }

  #readBraced(): string {
    this.#at++;
    const first = this.#peek;
    if (first === undefined) throw fail('invalid-argument', "syntax error: missing '}'");
    if (first === '{' || first === '}' || first === ':')
      throw fail('invalid-argument', 'syntax error: bad substitution');
    const name = this.#readName();
    const modifier = this.#next();
    switch (modifier) {
      case '}': {
        const value = this.#lookUp(name);
        return value ?? (this.options.keepUnset === true ? `\${${name}}` : '');
      }
      case ':':
        return this.#substitute(name, this.#next() ?? '\ufffd', true);
      case '+':
      case '-':
      case '?':
      case '#':
      case '%':
        return this.#substitute(name, modifier, false);
      case '/':
        return this.#replace(name);
      default:
        throw fail('invalid-argument', `unsupported modifier (${modifier ?? '\ufffd'}) in substitution`);
    }
  }

  #readPart(stop: string, rawEscapes: boolean, missing: string): string {
    try {
      return this.readUntil(stop, rawEscapes).text;
    } catch (error) {
      throw this.#peek === undefined ? fail('invalid-argument', `syntax error: missing ${missing}`) : error;
    }
  }

  #substitute(name: string, modifier: string, isColon: boolean): string {
    const isTrim = modifier === '#' || modifier === '%';
    const word = this.#readPart('}', isTrim, "'}'");
    const value = this.#lookUp(name);
    const written = `${isColon ? ':' : ''}${modifier}`;
    if (value === undefined && this.options.keepUnset === true) return `\${${name}${written}${word}}`;
    const isMissing = value === undefined || (isColon && value === '');
    switch (modifier) {
      case '-':
        return isMissing ? word : value;
      case '+':
        return isMissing ? '' : word;
      case '?': {
        if (!isMissing) return value;
        const why = word !== '' ? word : `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`;
        throw fail('invalid-argument', `${name}: ${why}`);
      }
      case '#':
      case '%': {
        const greedy = word.startsWith(modifier);
        const trim = modifier === '#' ? trimPrefix : trimSuffix;
        return trim(value ?? '', greedy ? word.slice(1) : word, greedy);
      }
      default:
        throw fail('invalid-argument', `unsupported modifier (${written}) in substitution`);
    }
  }

  #replace(name: string): string {
    const all = this.#peek === '/';
    if (all) this.#at++;
    const pattern = this.#readPart('/', true, "'/' in $" + '{}');
    const replacement = this.#readPart('}', true, "'}'");
    const value = this.#lookUp(name);
    if (value === undefined && this.options.keepUnset === true) return `\${${name}/${pattern}/${replacement}}`;
    return replacePattern(value ?? '', pattern, replacement, all);
  }
}

/** What of a word stands in an error: all of it, unless that fills screens. */
function shortened(word: string): string {
  return word.length > 4096 ? `${word.slice(0, 4096)}…` : word;
}

/**
 * Puts the values of variables into a word and takes quotes and escapes away, as a shell would (`$v`, `${v}`, `${v:-w}`,
 * `${v:+w}`, `${v:?w}` and these without the colon, `${v#p}`, `${v##p}`, `${v%p}`, `${v%%p}`, `${v/p/r}`, `${v//p/r}`).
 * Throws `invalid-argument` in BuildKit's words.
 */
export function expand(word: string, environment: Environment, options: ExpandOptions): Expansion {
  if (options.splits !== true && !/[$'"]/.test(word) && !word.includes(options.escape)) {
    return { text: word, words: [], matched: nothing, unmatched: nothing };
  }
  const expander = new Expander(word, environment, options);
  try {
    const { text, words } = expander.readUntil(undefined, options.rawEscapes === true);
    return { text, words, matched: expander.matched, unmatched: expander.unmatched };
  } catch (error) {
    throw fail('invalid-argument', `failed to process ${quoteGo(shortened(word))}: ${messageOf(error)}`);
  }
}
