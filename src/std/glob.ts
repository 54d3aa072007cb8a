import { fail } from './errors.ts';

/** A piece of a pattern: one character, by a regular expression; any of a name (`*`) or a path (`**`); folders (`**` with a slash). */
type Piece = { readonly kind: 'one'; readonly source: string } | { readonly kind: 'name' | 'path' | 'folders' };

const badPattern = 'syntax error in pattern';

/** With more runs than this a regular expression, which goes back and tries again, could take forever. */
const backtrackingRunsMax = 2;

function piecesOf(pattern: string): Piece[] {
  const pieces: Piece[] = [];
  const one = (source: string): void => void pieces.push({ kind: 'one', source });
  const characters = [...pattern];
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index] ?? '';
    if (character === '*' && characters[index + 1] === '*') {
      index++;
      if (characters[index + 1] === '/') index++;
      pieces.push({ kind: index + 1 >= characters.length ? 'path' : 'folders' });
    } else if (character === '*') pieces.push({ kind: 'name' });
    else if (character === '?') one('[^/]');
    else if (character === '\\') {
      const next = characters[++index];
      one(next === undefined ? '\\\\' : next.replace(/[^\p{L}\p{N}_]/u, '\\$&').replace(/\\([^!-~])/u, '$1'));
    } else if (character === '[') {
      const end = classEnd(characters, index);
      one(characters.slice(index, end + 1).join(''));
      index = end;
    } else one(character.replace(/[.+()|{}$^/\]]/, '\\$&'));
  }
  return pieces;
}

function classEnd(characters: readonly string[], start: number): number {
  let index = start + 1;
  if (characters[index] === '^') index++;
  for (; index < characters.length && characters[index] !== ']'; index++) if (characters[index] === '\\') index++;
  return index;
}

const expressions = { name: '[^/]*', path: '.*', folders: '(?:.*\\/)?' } as const;

/**
 * The test of a whole text by a pattern that is valid: `*` and `?` stay within a part of a path, `**` does not. It takes no longer
 * than the text times the pattern. Throws `invalid-argument` for a range of characters that ends before it begins.
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  const pieces = piecesOf(pattern);
  try {
    if (pieces.filter(({ kind }) => kind !== 'one').length > backtrackingRunsMax) return allAtOnce(pieces);
    const source = pieces.map((piece) => (piece.kind === 'one' ? piece.source : expressions[piece.kind])).join('');
    const expression = new RegExp(`^${source}$`, 's');
    return (text) => expression.test(text);
  } catch (error) {
    throw fail('invalid-argument', badPattern, error);
  }
}

/**
 * The test of a whole text as Go's `path.Match` does it: `*` stays within a part of a path, and two are no more than one. Throws
 * `invalid-argument` for a pattern that is none.
 */
export function pathMatcher(pattern: string): (text: string) => boolean {
  requireValidGlob(pattern);
  // An escaped letter is that letter, also between brackets, where it would be a class of a regular expression's.
  const plain = pattern.replace(
    /\\([\p{L}\p{N}_])|(\\.)|\*+/gsu,
    (_, letter?: string, escaped?: string) => letter ?? escaped ?? '*',
  );
  return globMatcher(plain);
}

/** Checks the brackets and escapes of a pattern as Go's `path.Match` does. Throws `invalid-argument`. */
export function requireValidGlob(pattern: string): void {
  const characters = [...pattern];
  for (let index = 0; index < characters.length; index++) {
    if (characters[index] === '\\') {
      if (++index >= characters.length) throw fail('invalid-argument', badPattern);
      continue;
    }
    if (characters[index] !== '[') continue;
    index++;
    if (characters[index] === '^') index++;
    for (let count = 0; characters[index] !== ']' || count === 0; count++) {
      index = skipClassCharacter(characters, index);
      if (characters[index] === '-') index = skipClassCharacter(characters, index + 1);
    }
  }
}

function skipClassCharacter(characters: readonly string[], at: number): number {
  const first = characters[at];
  if (first === undefined || first === '-' || first === ']') throw fail('invalid-argument', badPattern);
  const index = first === '\\' ? at + 1 : at;
  if (index + 1 >= characters.length) throw fail('invalid-argument', badPattern);
  return index + 1;
}

/** Follows all ways through the pieces at once, character by character. */
function allAtOnce(pieces: readonly Piece[]): (text: string) => boolean {
  // By piece: whether a character can be taken without leaving it, and whether one leads on to the next.
  const steps = pieces.map((piece) => {
    if (piece.kind === 'one') {
      const expression = new RegExp(`^${piece.source}$`, 's');
      return { stays: () => false, leads: (character: string) => expression.test(character), isOptional: false };
    }
    const stays = (character: string): boolean => piece.kind !== 'name' || character !== '/';
    // Folders are left behind a slash, others at any place.
    const leads = (character: string): boolean => piece.kind === 'folders' && character === '/';
    return { stays, leads, isOptional: true };
  });
  return (text) => {
    // What has been reached: the beginning of a piece, or the inside of folders, which cannot be left anywhere.
    let begun = new Set<number>();
    let within = new Set<number>();
    const reach = (at: number): void => {
      for (let next = at; !begun.has(next); next++) {
        begun.add(next);
        if (steps[next]?.isOptional !== true) break;
      }
    };
    reach(0);
    for (const character of text) {
      const before = new Set([...begun, ...within]);
      begun = new Set();
      within = new Set();
      for (const at of before) {
        const step = steps[at];
        if (step === undefined) continue;
        if (step.leads(character)) reach(at + 1);
        if (!step.stays(character)) continue;
        if (pieces[at]?.kind === 'folders') within.add(at);
        else reach(at);
      }
      if (begun.size === 0 && within.size === 0) return false;
    }
    return begun.has(pieces.length);
  };
}
