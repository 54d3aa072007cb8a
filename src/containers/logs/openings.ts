/**
 * Followers of logs that have not found theirs yet. A client that follows a log, waits for the exit and removes the
 * container reads the log only then, so the exit is told when the follower holds the file.
 */
export class LogOpenings {
  readonly #pending = new Map<string, Set<Promise<void>>>();

  /** A follower of a container's log begins to look for it, and ends that by disposal. */
  enter(id: string): Disposable {
    const pending = this.#pending.get(id) ?? new Set();
    this.#pending.set(id, pending);
    const { promise, resolve } = Promise.withResolvers<void>();
    pending.add(promise);
    return {
      [Symbol.dispose]: () => {
        pending.delete(promise);
        if (pending.size === 0 && this.#pending.get(id) === pending) this.#pending.delete(id);
        resolve();
      },
    };
  }

  /** Resolves once all that are looking now have ended, and after `withinMs` at the latest. */
  async settled(id: string, withinMs: number): Promise<void> {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, withinMs);
    await Promise.race([Promise.all(pending), late.promise]);
    clearTimeout(timer);
  }
}
