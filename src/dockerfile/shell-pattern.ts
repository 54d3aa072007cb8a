import { fail } from '#std/errors';

/** One step of a pattern: a character, any one (`?`), or any run of them (`*`); neither crosses a line. */
type Token = { readonly kind: 'any' | 'run' } | { readonly kind: 'literal'; readonly character: string };

function tokenize(pattern: string): Token[] {
  const characters = [...pattern];
  const tokens: Token[] = [];
  for (let index = 0; index < characters.length; index++) {
    let character = characters[index] ?? '';
    if (character === '*') tokens.push({ kind: 'run' });
    else if (character === '?') tokens.push({ kind: 'any' });
    else {
      if (character === '\\') {
        const next = characters[++index];
        // `/` and `}` end a part of a substitution, and are written with an escape that is not part of the pattern.
        if (next === undefined || !['*', '?', '\\', '}', '/'].includes(next)) {
          const why = `invalid escape '\\${next ?? '\ufffd'}'`;
          throw fail('invalid-argument', `invalid pattern (${pattern}) in substitution: ${why}`);
        }
        character = next;
      }
      tokens.push({ kind: 'literal', character });
    }
  }
  return tokens;
}

/**
 * The leftmost match at or after `from`; of those that begin there the longest or the shortest. Every character is looked at
 * once, so no pattern is slow.
 */
function find(
  tokens: readonly Token[],
  text: readonly string[],
  from: number,
  { anchored, longest }: { readonly anchored: boolean; readonly longest: boolean },
): { start: number; end: number } | undefined {
  // By token: the first start from which what is before it has been matched.
  let starts: number[] = Array(tokens.length + 1).fill(Number.POSITIVE_INFINITY);
  let best: { start: number; end: number } | undefined;
  for (let index = from; index <= text.length; index++) {
    if (best === undefined && (!anchored || index === from)) starts[0] = Math.min(starts[0] ?? index, index);
    for (const [at, token] of tokens.entries()) {
      if (token.kind === 'run') starts[at + 1] = Math.min(starts[at + 1] ?? 0, starts[at] ?? 0);
    }
    const start = starts[tokens.length] ?? Number.POSITIVE_INFINITY;
    if (start < Number.POSITIVE_INFINITY && start <= (best?.start ?? start)) {
      best = { start, end: index };
      if (!longest) return best;
    }
    const character = text[index];
    const limit = best?.start ?? Number.POSITIVE_INFINITY;
    const next: number[] = Array(tokens.length + 1).fill(Number.POSITIVE_INFINITY);
    for (const [at, token] of tokens.entries()) {
      const reached = starts[at] ?? Number.POSITIVE_INFINITY;
      const fits = token.kind === 'literal' ? token.character === character : character !== '\n';
      if (reached > limit || !fits) continue;
      const to = token.kind === 'run' ? at : at + 1;
      next[to] = Math.min(next[to] ?? reached, reached);
    }
    starts = next;
    if ((anchored || best !== undefined) && next.every((one) => one === Number.POSITIVE_INFINITY)) break;
  }
  return best;
}

/** `${value#pattern}` and, greedy, `${value##pattern}`. */
export function trimPrefix(value: string, pattern: string, greedy: boolean): string {
  const text = [...value];
  const match = find(tokenize(pattern), text, 0, { anchored: true, longest: greedy });
  return match === undefined ? value : text.slice(match.end).join('');
}

/** `${value%pattern}` and, greedy, `${value%%pattern}`. */
export function trimSuffix(value: string, pattern: string, greedy: boolean): string {
  const text = [...value].reverse();
  const match = find(tokenize(pattern).reverse(), text, 0, { anchored: true, longest: greedy });
  return match === undefined ? value : text.slice(match.end).reverse().join('');
}

/** What the text behind a `$` of a replacement stands for, where BuildKit takes it for a template of Go's. */
function fillTemplate(replacement: string, match: string): string {
  return replacement.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (all, braced?: string, bare?: string) => {
    if (all === '$$') return '$';
    return (braced ?? bare) === '0' ? match : '';
  });
}

/** `${value/pattern/replacement}` and, for all, `${value//pattern/replacement}`. */
export function replacePattern(value: string, pattern: string, replacement: string, all: boolean): string {
  const tokens = tokenize(pattern);
  const text = [...value];
  let result = '';
  let done = 0;
  let from = 0;
  while (from <= text.length) {
    const match = find(tokens, text, from, { anchored: false, longest: true });
    if (match === undefined) break;
    const matched = text.slice(match.start, match.end).join('');
    // An empty match right behind another one is none.
    const isRepeat = match.start === match.end && match.start === done && done > 0;
    result += text.slice(done, match.start).join('');
    if (!isRepeat) result += all ? fillTemplate(replacement, matched) : replacement;
    done = match.end;
    if (!all) break;
    from = match.end;
    if (match.start === match.end) {
      result += text[match.end] ?? '';
      done = match.end + 1;
      from = done;
    }
  }
  return result + text.slice(done).join('');
}
