/** A mutual exclusion in order of arrival. Not re-entrant. */
export class Lock {
  #tail: Promise<unknown> = Promise.resolve();

  /** Runs `body` when all bodies given before it have ended, whatever their outcome. */
  run<T>(body: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(body);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
