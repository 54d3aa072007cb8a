import { createIgnoreMatcher, type Walked } from '#dockerfile';

/** Which files of a directory are sent. Patterns as in .dockerignore. */
export interface SelectionOptions {
  /** None: all. A file below one that matches is included too. */
  readonly includePatterns: readonly string[];
  readonly excludePatterns: readonly string[];
}

/** What a walk knows of a directory when it looks at what is in it. */
export interface SelectionState {
  readonly isIncluded: boolean;
  readonly included?: Walked;
  readonly excluded: Walked;
}

/** Decides on a walk what is sent, and where there may be more of it. */
export class Selection {
  readonly #include: ReturnType<typeof createIgnoreMatcher> | undefined;
  readonly #exclude: ReturnType<typeof createIgnoreMatcher>;
  readonly #onTheWay: ((directory: string) => boolean)[];

  /** Throws `invalid-argument` for a pattern that is none. */
  constructor({ includePatterns, excludePatterns }: SelectionOptions) {
    this.#include = includePatterns.length === 0 ? undefined : createIgnoreMatcher(includePatterns);
    this.#exclude = createIgnoreMatcher(excludePatterns);
    this.#onTheWay = includePatterns.filter((pattern) => !pattern.startsWith('!')).map(prefixMatcher);
  }

  look(path: string, parent?: SelectionState): SelectionState {
    const included = this.#include?.walk(path, parent?.included);
    const excluded = this.#exclude.walk(path, parent?.excluded);
    const isIncluded = included?.ignored !== false && !excluded.ignored;
    return { isIncluded, excluded, ...(included !== undefined && { included }) };
  }

  /** Whether something in that directory may be included. */
  mayHold(path: string, state: SelectionState): boolean {
    if (state.excluded.ignored && !this.#exclude.hasExceptions) return false;
    if (state.included === undefined || state.included.ignored) return true;
    return this.#onTheWay.some((isOnTheWay) => isOnTheWay(path));
  }
}

/** Whether a directory may be above of what a pattern matches. */
function prefixMatcher(pattern: string): (directory: string) => boolean {
  const parts = pattern.split('/').filter((part) => part !== '' && part !== '.');
  const deep = parts.findIndex((part) => part.includes('**'));
  const levels = parts.slice(0, deep === -1 ? parts.length - 1 : deep);
  const matchers = levels.map((_, index) => createIgnoreMatcher([levels.slice(0, index + 1).join('/')]));
  return (directory) => {
    const depth = directory.split('/').length;
    if (depth <= matchers.length) return matchers[depth - 1]?.matches(directory) === true;
    // Below the last level that is known by its name anything may come.
    return deep !== -1 && (matchers.length === 0 || matchers.at(-1)?.matches(directory) === true);
  };
}
