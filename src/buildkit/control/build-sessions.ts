import type { BuildSession, Edge } from '#builder';
import { verticesOf } from '#builder';
import type { FindSession } from './solve.ts';

/**
 * Whom a build may ask: the client that began it, and those whose files are in what it was given as an input. Bake gives the result
 * of one build to another, and the files of the first are still its own client's.
 */
export class BuildSessions {
  private readonly known: BuildSession[] = [];

  constructor(
    private readonly find: FindSession,
    private readonly signal: AbortSignal,
  ) {}

  /** Grows with `add` and `adopt`. */
  get all(): readonly BuildSession[] {
    return this.known;
  }

  /** Throws when there is no such session, and none comes in the next seconds. */
  async add(id: string): Promise<void> {
    if (id === '' || this.known.some((session) => session.id === id)) return;
    this.known.push(await this.find(id, this.signal));
  }

  /** Adds the sessions that local directories in a graph name. */
  async adopt(edges: readonly Edge[]): Promise<void> {
    for (const { operation } of verticesOf(edges)) {
      if (operation.type === 'source') await this.add(operation.attributes['local.session'] ?? '');
    }
  }
}
