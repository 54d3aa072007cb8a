/** Messages that came and were not taken yet: one reader, in order. */
export class Inbox<T> implements AsyncIterable<T> {
  readonly #held: T[] = [];
  readonly #onTaken: (item: T) => void;
  readonly #onLeft: () => void;
  #waiting: (() => void) | undefined;
  #ended = false;
  #error: unknown;

  /** `onTaken` is told of each that is taken, `onLeft` of a reader that wants no more before the end. */
  constructor(events: { onTaken: (item: T) => void; onLeft: () => void }) {
    this.#onTaken = events.onTaken;
    this.#onLeft = events.onLeft;
  }

  push(item: T): void {
    if (this.#ended) return;
    this.#held.push(item);
    this.#waiting?.();
  }

  /** What was held can still be read. */
  end(): void {
    this.#ended = true;
    this.#waiting?.();
  }

  /** The reader is told of it after what was held already. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#error = error;
    this.end();
  }

  /** The next; undefined at the end. */
  async next(): Promise<T | undefined> {
    while (this.#held.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
      this.#waiting = undefined;
    }
    const item = this.#held.shift();
    if (item !== undefined) this.#onTaken(item);
    else if (this.#error !== undefined) throw this.#error;
    return item;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    let done = false;
    try {
      for (let item = await this.next(); item !== undefined; item = await this.next()) yield item;
      done = true;
    } catch (error) {
      done = true;
      throw error;
    } finally {
      if (!done) this.#onLeft();
    }
  }
}
