/**
 * What is wrong with a JSON text, in the words of Go's encoding/json, which Docker's clients get to see. Called only for
 * texts that the native parser refused, so it is written for the message and not for speed. No recursion: the text is
 * somebody else's.
 */

const maximumDepth = 10_000;
const unexpectedEnd = 'unexpected EOF';

function quoted(character: string): string {
  if (character === "'") return `'\\''`;
  if (character === '"') return `'"'`;
  return `'${JSON.stringify(character).slice(1, -1)}'`;
}

function unexpected(character: string, context: string): string {
  return `invalid character ${quoted(character)} ${context}`;
}

class Scanner {
  #position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  peek(): string {
    return this.#text.charAt(this.#position);
  }

  next(): string {
    const character = this.peek();
    this.#position += 1;
    return character;
  }

  skipSpace(): void {
    while (!this.atEnd && ' \t\r\n'.includes(this.peek())) this.#position += 1;
  }

  /** The rest of a string behind its opening quote. */
  string(): string | undefined {
    for (;;) {
      if (this.atEnd) return unexpectedEnd;
      const character = this.next();
      if (character === '"') return undefined;
      if (character < ' ') return unexpected(character, 'in string');
      if (character === '\\') {
        const fault = this.#escape();
        if (fault !== undefined) return fault;
      }
    }
  }

  #escape(): string | undefined {
    if (this.atEnd) return unexpectedEnd;
    const character = this.next();
    if ('"\\/bfnrt'.includes(character)) return undefined;
    if (character !== 'u') return `invalid escape sequence \`\\${character}\` in string`;
    for (let digit = 0; digit < 4; digit += 1) {
      if (this.atEnd) return unexpectedEnd;
      const hexadecimal = this.next();
      if (!/[0-9a-fA-F]/.test(hexadecimal)) return unexpected(hexadecimal, 'in \\u hexadecimal character escape');
    }
    return undefined;
  }

  literal(word: string): string | undefined {
    for (const expected of word.slice(1)) {
      if (this.atEnd) return unexpectedEnd;
      const character = this.next();
      if (character !== expected) {
        return unexpected(character, `in literal ${word} (expecting ${quoted(expected)})`);
      }
    }
    return undefined;
  }

  /** The rest of a number behind its first character. */
  number(first: string): string | undefined {
    let start = first;
    if (start === '-') {
      if (this.atEnd) return unexpectedEnd;
      start = this.next();
      if (!/\d/.test(start)) return unexpected(start, 'in numeric literal');
    }
    if (start !== '0') this.#digits();
    if (this.peek() === '.') {
      this.next();
      const fault = this.#someDigits('after decimal point in numeric literal');
      if (fault !== undefined) return fault;
    }
    if (this.peek() === 'e' || this.peek() === 'E') {
      this.next();
      if (this.peek() === '+' || this.peek() === '-') this.next();
      return this.#someDigits('in exponent of numeric literal');
    }
    return undefined;
  }

  #digits(): void {
    while (!this.atEnd && /\d/.test(this.peek())) this.#position += 1;
  }

  #someDigits(context: string): string | undefined {
    if (this.atEnd) return unexpectedEnd;
    if (!/\d/.test(this.peek())) return unexpected(this.peek(), context);
    this.#digits();
    return undefined;
  }
}

/** A value that is not a container: a fault, or undefined. */
function scalar(scanner: Scanner, first: string): string | undefined {
  if (first === '"') return scanner.string();
  if (first === 't') return scanner.literal('true');
  if (first === 'f') return scanner.literal('false');
  if (first === 'n') return scanner.literal('null');
  if (first === '-' || /\d/.test(first)) return scanner.number(first);
  return unexpected(first, 'looking for beginning of value');
}

/** Reads `"key":`; `first` when an object may also end here. Returns a fault, `closed`, or undefined. */
function objectKey(scanner: Scanner, first: boolean): { fault?: string; closed?: boolean } {
  scanner.skipSpace();
  if (scanner.atEnd) return { fault: unexpectedEnd };
  const quote = scanner.next();
  if (first && quote === '}') return { closed: true };
  if (quote !== '"') return { fault: unexpected(quote, 'looking for beginning of object key string') };
  const fault = scanner.string();
  if (fault !== undefined) return { fault };
  scanner.skipSpace();
  if (scanner.atEnd) return { fault: unexpectedEnd };
  const colon = scanner.next();
  return colon === ':' ? {} : { fault: unexpected(colon, 'after object key') };
}

/** Steps behind a finished value: closes what ends here. Returns a fault, or undefined when a value is due or all is done. */
function afterValue(scanner: Scanner, open: string[]): string | undefined {
  while (open.length > 0) {
    scanner.skipSpace();
    if (scanner.atEnd) return unexpectedEnd;
    const inObject = open.at(-1) === '{';
    const character = scanner.next();
    if (character === ',') return inObject ? objectKey(scanner, false).fault : undefined;
    if (character !== (inObject ? '}' : ']')) {
      return unexpected(character, inObject ? 'after object key:value pair' : 'after array element');
    }
    open.pop();
  }
  return undefined;
}

/** The fault of a JSON text, or undefined when there is none (then the text was nested too deep for the parser). */
export function jsonFault(text: string): string | undefined {
  const scanner = new Scanner(text);
  const open: string[] = [];
  do {
    scanner.skipSpace();
    if (scanner.atEnd) return unexpectedEnd;
    const first = scanner.next();
    if (first === '{' || first === '[') {
      open.push(first);
      if (open.length > maximumDepth) return 'exceeded max depth';
      if (first === '{') {
        const { fault, closed } = objectKey(scanner, true);
        if (fault !== undefined) return fault;
        if (!closed) continue;
      } else {
        scanner.skipSpace();
        if (scanner.peek() !== ']') continue;
        scanner.next();
      }
      open.pop();
    } else {
      const fault = scalar(scanner, first);
      if (fault !== undefined) return fault;
    }
    const fault = afterValue(scanner, open);
    if (fault !== undefined) return fault;
  } while (open.length > 0);
  scanner.skipSpace();
  return scanner.atEnd ? undefined : 'content after value';
}
