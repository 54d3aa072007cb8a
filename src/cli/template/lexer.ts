import { type Source, templateError } from './template-error.ts';

export type Token = { readonly position: number } & (
  | { readonly kind: 'text' | 'word' | 'field' | 'variable' | 'symbol'; readonly text: string }
  /** `raw` is how it stands in the template. */
  | { readonly kind: 'constant'; readonly value: unknown; readonly raw: string }
  | { readonly kind: 'open' | 'close' | 'space' }
);

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\u0007',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

/** The text of a literal in quotes, escapes resolved. */
function unquote(body: string): string {
  return body.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)/g, (_, sequence: string) => {
    if (/^[xuU]./.test(sequence)) return String.fromCodePoint(Number.parseInt(sequence.slice(1), 16));
    if (/^[0-7]{3}$/.test(sequence)) return String.fromCodePoint(Number.parseInt(sequence, 8));
    return escapes[sequence] ?? sequence;
  });
}

const constant = (value: unknown, raw: string, position: number): Token => ({ kind: 'constant', value, raw, position });

const patterns: readonly (readonly [RegExp, (match: string, position: number) => Token])[] = [
  [/\s+/y, (_, position) => ({ kind: 'space', position })],
  [/"(?:[^"\\\n]|\\.)*"/y, (match, position) => constant(unquote(match.slice(1, -1)), match, position)],
  [/`[^`]*`/y, (match, position) => constant(match.slice(1, -1), match, position)],
  [
    /'(?:[^'\\\n]|\\.[^']*)'/y,
    (match, position) => constant(unquote(match.slice(1, -1)).codePointAt(0), match, position),
  ],
  [
    /[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*)?\.?\d[\d_]*(?:[eE][+-]?\d+)?)/y,
    (match, position) => constant(numberOf(match), match, position),
  ],
  [/\.[\p{L}_][\p{L}\p{N}_]*/uy, (match, position) => ({ kind: 'field', text: match.slice(1), position })],
  [/\$[\p{L}\p{N}_]*/uy, (text, position) => ({ kind: 'variable', text, position })],
  [/[\p{L}_][\p{L}\p{N}_]*/uy, (text, position) => ({ kind: 'word', text, position })],
  [/:=|[.|(),=]/y, (text, position) => ({ kind: 'symbol', text, position })],
];

function numberOf(text: string): number {
  const digits = text.replaceAll('_', '');
  return digits.startsWith('-') ? -Number(digits.slice(1)) : Number(digits.replace(/^\+/, ''));
}

/**
 * Cuts a template (Go's text/template syntax) into tokens. `{{-` and `-}}` eat the white space beside them, comments
 * vanish.
 * @throws `invalid-argument`
 */
export function tokenize(source: Source): Token[] {
  const tokens: Token[] = [];
  const { text: all } = source;
  let position = 0;
  let trimNext = false;
  while (position < all.length) {
    const open = all.indexOf('{{', position);
    let text = all.slice(position, open < 0 ? all.length : open);
    if (trimNext) text = text.trimStart();
    const trims = open >= 0 && /^\{\{-\s/.test(all.slice(open, open + 4));
    if (trims) text = text.trimEnd();
    if (text !== '') tokens.push({ kind: 'text', text, position });
    if (open < 0) break;
    const action = readAction(source, open + (trims ? 3 : 2), tokens);
    position = action.end;
    trimNext = action.trims;
  }
  return tokens;
}

function readAction(source: Source, start: number, tokens: Token[]): { end: number; trims: boolean } {
  const { text } = source;
  const comment = /\s*\/\*[\s\S]*?\*\/(?:\s+(-))?\}\}/y;
  comment.lastIndex = start;
  const found = comment.exec(text);
  if (found) return { end: comment.lastIndex, trims: found[1] !== undefined };
  if (/^\s*\/\*/.test(text.slice(start))) {
    const ends = text.indexOf('*/', start) >= 0;
    throw templateError(source, start, ends ? 'comment ends before closing delimiter' : 'unclosed comment');
  }
  tokens.push({ kind: 'open', position: start });
  let position = start;
  let parentheses = 0;
  for (;;) {
    const close = /(?:\s(-))?\}\}/y;
    close.lastIndex = position;
    const closed = close.exec(text);
    if (closed) {
      if (parentheses > 0) throw templateError(source, position, 'unclosed left paren');
      tokens.push({ kind: 'close', position });
      return { end: close.lastIndex, trims: closed[1] !== undefined };
    }
    if (position >= text.length) throw templateError(source, position, 'unclosed action');
    const { token, end } = readToken(source, position);
    if (token.kind === 'symbol' && token.text === '(') parentheses++;
    if (token.kind === 'symbol' && token.text === ')' && --parentheses < 0) {
      throw templateError(source, position, 'unexpected right paren');
    }
    tokens.push(token);
    position = end;
  }
}

function readToken(source: Source, position: number): { token: Token; end: number } {
  const { text } = source;
  for (const [pattern, make] of patterns) {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (!match) continue;
    // White space before a trimming end belongs to the end.
    if (match[0].trim() === '' && /^\s-\}\}/.test(text.slice(pattern.lastIndex - 1))) {
      if (match[0].length > 1) return { token: { kind: 'space', position }, end: pattern.lastIndex - 1 };
      continue;
    }
    return { token: make(match[0], position), end: pattern.lastIndex };
  }
  const char = text.charAt(position);
  if (char === '"') throw templateError(source, position, 'unterminated quoted string');
  if (char === '`') throw templateError(source, position, 'unterminated raw quoted string');
  if (char === "'") throw templateError(source, position, 'unterminated character constant');
  return { token: { kind: 'symbol', text: char, position }, end: position + char.length };
}
