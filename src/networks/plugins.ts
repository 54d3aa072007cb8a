import { type CallLimits, findPlugin, PluginConnection, type PluginKind } from '#plugins';
import { fail } from '#std/errors';

/** How long a plugin may take: Docker's two minutes for what may do work; less where a container's end waits for it. */
export interface RemoteLimits {
  readonly work: CallLimits;
  readonly farewell: CallLimits;
}

export const defaultRemoteLimits: RemoteLimits = {
  work: { timeoutMs: 120_000, retryMs: 15_000 },
  farewell: { timeoutMs: 10_000, retryMs: 0 },
};

/** Speaks to plugins of one kind by their names; where each listens is looked up at every call, as plugins come and go. */
export class RemotePlugins {
  readonly #known = new Map<string, { readonly place: string; readonly connection: PluginConnection }>();

  constructor(
    readonly directories: readonly string[],
    readonly kind: PluginKind,
  ) {}

  /** Whether there is something of that name. */
  has(name: string): boolean {
    return findPlugin(this.directories, name) !== undefined;
  }

  /** Throws `not-found` in Docker's words when there is no such plugin, or it is of another kind. */
  async ask(
    name: string,
    method: string,
    body: object,
    limits: CallLimits,
  ): Promise<Readonly<Record<string, unknown>>> {
    const address = findPlugin(this.directories, name);
    if (address === undefined) throw fail('not-found', `plugin ${JSON.stringify(name)} not found`);
    const place = JSON.stringify(address);
    let known = this.#known.get(name);
    if (known?.place !== place) {
      known = { place, connection: new PluginConnection(name, address, this.kind) };
      this.#known.set(name, known);
    }
    return known.connection.ask(method, body, limits);
  }
}

/** A text of an answer; empty when it is not there. */
export function textIn(answer: unknown, ...path: readonly string[]): string {
  let value: unknown = answer;
  for (const key of path) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  }
  return typeof value === 'string' ? value : '';
}
