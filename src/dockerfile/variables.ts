import { type Environment, type ExpandOptions, expand } from './expand.ts';

/** What an item of a list or map is counted as beside its text, where what a Dockerfile comes to is bounded. */
export const itemCharacters = 128;

interface Values {
  /** When each value was set, ascending. */
  readonly times: number[];
  readonly values: string[];
}

/** Variables that are set one after the other; how they were at any time can be looked at later, and costs nothing to keep. */
export class Variables implements Environment {
  readonly #values = new Map<string, Values>();
  #now = 0;
  #characters = 0;

  constructor(start: Iterable<readonly [string, string]> = []) {
    for (const [name, value] of start) this.set(name, value);
  }

  /** What a list of all of them takes, about. */
  get characters(): number {
    return this.#characters;
  }

  set(name: string, value: string): void {
    const known = this.#values.get(name) ?? { times: [], values: [] };
    if (known.times.length === 0) {
      this.#values.set(name, known);
      this.#characters += name.length + itemCharacters;
    }
    this.#characters += value.length - (known.values.at(-1)?.length ?? 0);
    known.times.push(++this.#now);
    known.values.push(value);
  }

  get(name: string): string | undefined {
    return this.#values.get(name)?.values.at(-1);
  }

  keys(): Iterable<string> {
    return this.#values.keys();
  }

  /** The variables as they are now, whatever is set later. */
  snapshot(): Environment {
    const now = this.#now;
    return {
      get: (name) => {
        const known = this.#values.get(name);
        return known?.values[countUpTo(known.times, now) - 1];
      },
      keys: () => [...this.#values].flatMap(([name, { times }]) => ((times[0] ?? now) <= now ? [name] : [])),
    };
  }
}

/** How many of ascending numbers are not above a limit. */
function countUpTo(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The variables that were sought in vain by an expansion that then failed. */
export function unmatchedBefore(word: string, environment: Environment, options: ExpandOptions): Set<string> {
  const sought = new Set<string>();
  const watched: Environment = {
    keys: () => environment.keys(),
    get: (name) => {
      const value = environment.get(name);
      if (value === undefined) sought.add(name);
      return value;
    },
  };
  try {
    expand(word, watched, options);
  } catch {
    // That it fails is known.
  }
  return sought;
}
