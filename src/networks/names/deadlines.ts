/** Things that each have the same time to live, in the order in which they began: the first one ends first. */
export class Deadlines<T> {
  readonly #began = new Map<T, number>();

  /** `onEnd` is told of each whose time is over; it is in here no more then. */
  constructor(
    readonly lifeMs: number,
    readonly onEnd: (item: T) => void,
  ) {}

  /** Begins its time, anew if it is in here already. */
  start(item: T, now: number): void {
    this.#began.delete(item);
    this.#began.set(item, now);
  }

  delete(item: T): boolean {
    return this.#began.delete(item);
  }

  /** All of them; it may be changed meanwhile. */
  items(): Iterable<T> {
    return this.#began.keys();
  }

  /** When the first one ends; undefined when there is none. */
  next(): number | undefined {
    for (const began of this.#began.values()) return began + this.lifeMs;
    return undefined;
  }

  /** Ends those whose time is over. */
  sweep(now: number): void {
    for (const [item, began] of this.#began) {
      if (began + this.lifeMs > now) return;
      this.#began.delete(item);
      this.onEnd(item);
    }
  }
}

/** The first of several times; undefined when there is none. */
export function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
