import { templateError } from './template-error.ts';

export type Token = { readonly position: number } & (
  | { readonly kind: 'text' | 'string' | 'word' | 'field' | 'variable' | 'symbol'; readonly text: string }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'open' | 'close' | 'space' }
);

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  '"': '"',
  "'": "'",
  '0': '\0',
};

/** The text of a literal in double quotes, escapes resolved. */
function unquote(body: string): string {
  return body.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)/g, (_, sequence: string) =>
    /^[xu]./.test(sequence)
      ? String.fromCodePoint(Number.parseInt(sequence.slice(1), 16))
      : (escapes[sequence] ?? sequence),
  );
}

const patterns: readonly (readonly [RegExp, (match: string, position: number) => Token])[] = [
  [/\s+/y, (_, position) => ({ kind: 'space', position })],
  [/"(?:[^"\\\n]|\\.)*"/y, (match, position) => ({ kind: 'string', text: unquote(match.slice(1, -1)), position })],
  [/`[^`]*`/y, (match, position) => ({ kind: 'string', text: match.slice(1, -1), position })],
  [/[+-]?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/y, (text, position) => ({ kind: 'number', text, position })],
  [/\.[\p{L}_][\p{L}\p{N}_]*/uy, (match, position) => ({ kind: 'field', text: match.slice(1), position })],
  [/\$[\p{L}\p{N}_]*/uy, (text, position) => ({ kind: 'variable', text, position })],
  [/[\p{L}_][\p{L}\p{N}_]*/uy, (text, position) => ({ kind: 'word', text, position })],
  [/:=|[.|(),=]/y, (text, position) => ({ kind: 'symbol', text, position })],
];

/**
 * Cuts a template (Go's text/template syntax) into tokens. `{{-` and `-}}` eat the white space beside them, comments
 * vanish.
 * @throws `invalid-argument`
 */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  let trimNext = false;
  while (position < source.length) {
    const open = source.indexOf('{{', position);
    let text = source.slice(position, open < 0 ? source.length : open);
    if (trimNext) text = text.trimStart();
    const trims = open >= 0 && /^\{\{-\s/.test(source.slice(open, open + 4));
    if (trims) text = text.trimEnd();
    if (text !== '') tokens.push({ kind: 'text', text, position });
    if (open < 0) break;
    const action = readAction(source, open + (trims ? 3 : 2), tokens);
    position = action.end;
    trimNext = action.trims;
  }
  return tokens;
}

function readAction(source: string, start: number, tokens: Token[]): { end: number; trims: boolean } {
  const comment = /\s*\/\*[\s\S]*?\*\/\s*(-)?\}\}/y;
  comment.lastIndex = start;
  const found = comment.exec(source);
  if (found) return { end: comment.lastIndex, trims: found[1] !== undefined };
  tokens.push({ kind: 'open', position: start });
  let position = start;
  for (;;) {
    const close = /(?:\s(-))?\}\}/y;
    close.lastIndex = position;
    const closed = close.exec(source);
    if (closed) {
      tokens.push({ kind: 'close', position });
      return { end: close.lastIndex, trims: closed[1] !== undefined };
    }
    if (position >= source.length) throw templateError(source, position, 'unclosed action');
    const token = readToken(source, position);
    tokens.push(token.token);
    position = token.end;
  }
}

function readToken(source: string, position: number): { token: Token; end: number } {
  for (const [pattern, make] of patterns) {
    pattern.lastIndex = position;
    const match = pattern.exec(source);
    // White space before a trimming end belongs to the end.
    if (!match || (match[0].trim() === '' && /^\s-\}\}/.test(source.slice(pattern.lastIndex - 1)))) {
      if (match && match[0].length > 1) {
        return { token: { kind: 'space', position }, end: pattern.lastIndex - 1 };
      }
      continue;
    }
    return { token: make(match[0], position), end: pattern.lastIndex };
  }
  const char = source.charAt(position);
  if (char === '"') throw templateError(source, position, 'unterminated quoted string');
  throw templateError(source, position, `unexpected "${char}" in operand`);
}
