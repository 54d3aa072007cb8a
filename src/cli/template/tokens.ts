import { type Token, tokenize } from './lexer.ts';
import { type Source, templateError } from './template-error.ts';

/** The words of the language, which cannot be the name of a function. */
export const keywords: ReadonlySet<string> = new Set([
  ...['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with'],
]);

/** A token as Go's messages show it. */
export function describeToken(token: Token | undefined): string {
  if (!token) return 'EOF';
  if (token.kind === 'constant') return token.raw;
  if (!('text' in token)) return `<${token.kind}>`;
  if (token.kind === 'word' && keywords.has(token.text)) return `<${token.text}>`;
  return JSON.stringify(token.kind === 'field' ? `.${token.text}` : token.text);
}

/** The tokens of a template, with the place that the parser has come to. */
export class Tokens {
  readonly #tokens: readonly Token[];
  /** The next token; the parser may go back to where it was. */
  index = 0;

  constructor(readonly source: Source) {
    this.#tokens = tokenize(source);
  }

  takeSymbol(text: string): boolean {
    const token = this.peek();
    if (token?.kind !== 'symbol' || token.text !== text) return false;
    this.index++;
    return true;
  }

  skipSpace(): void {
    while (this.peek()?.kind === 'space') this.index++;
  }

  peekWord(): string | undefined {
    const token = this.peek();
    return token?.kind === 'word' ? token.text : undefined;
  }

  peek(): Token | undefined {
    return this.#tokens[this.index];
  }

  next(): Token | undefined {
    return this.#tokens[this.index++];
  }

  /** What is wrong at this place. */
  error(message: string): Error {
    return templateError(this.source, this.peek()?.position ?? this.source.text.length, message);
  }
}
