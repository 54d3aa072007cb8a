/** So many at once, and the others in order of arrival. */
export class Slots {
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  /** The limit is asked for each time: it may change. */
  constructor(readonly limit: () => number) {}

  /** Whether who comes now has to wait. */
  get isFull(): boolean {
    return this.#waiting.length > 0 || this.#taken >= this.limit();
  }

  /** Waits for a slot, which what is returned gives back. Throws the signal's reason when that comes first. */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.isFull) await this.#turn(signal);
    else this.#taken += 1;
    return () => {
      this.#taken -= 1;
      this.#wake();
    };
  }

  /** The same for as long as `body` runs. */
  async run<T>(body: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const release = await this.take(signal);
    try {
      return await body();
    } finally {
      release();
    }
  }

  /** Resolves when a slot has been taken for the caller. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(signal.reason);
      };
      const enter = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      signal.addEventListener('abort', abort);
      this.#waiting.push(enter);
    });
  }

  #wake(): void {
    while (this.#taken < this.limit()) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#taken += 1;
      next();
    }
  }
}
