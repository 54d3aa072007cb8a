import { createIgnoreMatcher, type IgnoreMatcher, nameMatcher } from '#dockerfile';

/** Patterns of a copy; undefined when there are none. Throws `invalid-argument` for one that cannot be. */
export function matcherOf(kind: 'include' | 'exclude', patterns: readonly string[]): IgnoreMatcher | undefined {
  if (patterns.length === 0) return undefined;
  try {
    return createIgnoreMatcher(patterns);
  } catch (error) {
    const message = `invalid ${kind}patterns: [${patterns.join(' ')}]: ${(error as Error).message}`;
    throw Object.assign(error as Error, { message });
  }
}

/** Whether a pattern may match something below a directory that it does not match itself. */
export function mayMatchBelow(matcher: IgnoreMatcher, directory: string): boolean {
  const names = directory.split('/');
  return matcher.patterns.some(({ text, isException }) => {
    if (isException) return false;
    const parts = text.split('/');
    for (const [index, name] of names.entries()) {
      const part = parts[index];
      if (part === undefined) return false;
      if (part.includes('**')) return true;
      if (!nameMatcher(part)(name)) return false;
    }
    return parts.length > names.length;
  });
}
