/** So many at once, the others in the order that they came; the limit is asked for each time. */
export class Slots {
  #used = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(readonly limit: () => number) {}

  get isFull(): boolean {
    return this.#used >= this.limit();
  }

  /** Waits for a place, or throws what the signal is aborted with; the place is to be given back by what is returned. */
  async take(signal: AbortSignal): Promise<() => void> {
    while (this.isFull) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    if (signal.aborted) {
      this.#wake();
      signal.throwIfAborted();
    }
    this.#used += 1;
    return () => {
      this.#used -= 1;
      this.#wake();
    };
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
