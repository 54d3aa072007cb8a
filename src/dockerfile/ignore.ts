import { posix } from 'node:path';
import { fail } from '#std/errors';
import { globMatcher, pathMatcher, requireValidGlob } from '#std/glob';

interface Pattern {
  /** Cleaned, without the `!`. */
  readonly text: string;
  readonly isException: boolean;
  readonly matches: (path: string) => boolean;
}

/** Patterns of a `.dockerignore`, or of `--exclude`. */
export interface IgnoreMatcher {
  readonly patterns: readonly { readonly text: string; readonly isException: boolean }[];
  readonly hasExceptions: boolean;
  /** Whether a path (relative, `/` between its parts) is left out: the last pattern that it or a folder of it matches decides. */
  matches(path: string): boolean;
  /**
   * The same for a walk from the top: `parent` is what this gave for the folder of the path. One that is left out with
   * exceptions below it must be walked still.
   */
  walk(path: string, parent?: Walked): Walked;
}

export interface Walked {
  readonly ignored: boolean;
  /** For each pattern, whether it matched. */
  readonly matched: readonly boolean[];
}

/** Lines of a `.dockerignore` as patterns: comments and empty lines are left out, a leading `/` means nothing. */
export function readIgnoreFile(text: string): string[] {
  return text
    .replace(/^\ufeff/, '')
    .split('\n')
    .flatMap((raw) => {
      // Comments begin at the very start of a line.
      if (raw.startsWith('#')) return [];
      const line = raw.trim();
      if (line === '') return [];
      const isException = line.startsWith('!');
      const bare = isException ? line.slice(1).trim() : line;
      const clean = bare === '' ? '' : cleanPath(bare);
      const relative = clean.length > 1 && clean.startsWith('/') ? clean.slice(1) : clean;
      return [isException ? `!${relative}` : relative];
    });
}

/** The ignore files of a Dockerfile, the first that is there counts: its own, then that of the context. */
export function ignoreFilesOf(dockerfilePath: string): string[] {
  return [`${dockerfilePath}.dockerignore`, '.dockerignore'];
}

function cleanPath(path: string): string {
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

/** The test for one name, without a `/`, by a pattern as Go's `filepath.Match` takes it; one that is none matches nothing. */
export function nameMatcher(pattern: string): (name: string) => boolean {
  try {
    return pathMatcher(pattern);
  } catch {
    return () => false;
  }
}

/** The test for one pattern. Patterns without wildcards, and `**` at one end only, need no expression. */
function matcherOf(pattern: string): (path: string) => boolean {
  const isPlain = (text: string): boolean => !/[*?[\]\\]/.test(text);
  if (isPlain(pattern)) return (path) => path === pattern;
  if (pattern === '**' || pattern === '**/') return () => true;
  if (pattern.startsWith('**') && isPlain(pattern.slice(2))) {
    const suffix = pattern.slice(2);
    return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
  }
  if (pattern.endsWith('**') && isPlain(pattern.slice(0, -2))) return (path) => path.startsWith(pattern.slice(0, -2));
  return globMatcher(pattern);
}

function parsePattern(raw: string): Pattern[] {
  const line = raw.trim();
  if (line === '') return [];
  const clean = cleanPath(line);
  const isException = clean.startsWith('!');
  const text = isException ? clean.slice(1) : clean;
  if (isException && text === '') throw fail('invalid-argument', 'illegal exclusion pattern: "!"');
  requireValidGlob(text);
  return [{ text, isException, matches: matcherOf(text) }];
}

/** A matcher of patterns (`readIgnoreFile`). Throws `invalid-argument` in Docker's words for one that cannot be. */
export function createIgnoreMatcher(lines: readonly string[]): IgnoreMatcher {
  const patterns = lines.flatMap(parsePattern);
  const walk = (path: string, parent?: Walked): Walked => {
    let ignored = false;
    const parts = path.split('/');
    const matched = patterns.map((pattern, index) => {
      const inherited = parent?.matched[index] === true;
      // A pattern that could not change the answer is not tried.
      if (!inherited && pattern.isException !== ignored) return false;
      const above = (): boolean =>
        parent === undefined && parts.some((_, depth) => depth > 0 && pattern.matches(parts.slice(0, depth).join('/')));
      const isMatch = inherited || pattern.matches(path) || above();
      if (isMatch) ignored = !pattern.isException;
      return isMatch;
    });
    return { ignored, matched };
  };
  return {
    patterns,
    hasExceptions: patterns.some(({ isException }) => isException),
    matches: (path) => walk(path).ignored,
    walk,
  };
}
