/** A mutual exclusion in order of arrival. Not re-entrant. */
export class Lock {
  #tail: Promise<unknown> = Promise.resolve();
  #holders = 0;

  /** Whether a body runs or waits. */
  get isHeld(): boolean {
    return this.#holders > 0;
  }

  /** Runs `body` when all bodies given before it have ended, whatever their outcome. */
  run<T>(body: () => Promise<T>): Promise<T> {
    this.#holders += 1;
    const result = this.#tail.then(body).finally(() => {
      this.#holders -= 1;
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
