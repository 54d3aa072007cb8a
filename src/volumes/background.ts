import { messageOf } from '#std/errors';
import { log } from '#std/log';

/** Work that nobody waits for but the engine's end. */
export class Background {
  readonly #works = new Set<Promise<void>>();

  run(what: Readonly<Record<string, string>>, work: () => Promise<void>): void {
    const settled: Promise<void> = work()
      .catch((error: unknown) => log('warn', 'volume not given back', { ...what, error: messageOf(error) }))
      .finally(() => this.#works.delete(settled));
    this.#works.add(settled);
  }

  /** When all of it is done, or `patienceMs` have passed. */
  async settled(patienceMs: number): Promise<void> {
    if (this.#works.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patienceMs);
    await Promise.race([Promise.all(this.#works), promise]);
    clearTimeout(timer);
  }
}
