import { fail } from '#std/errors';
import { type CallLimits, PluginClient, PluginSilence } from './client.ts';
import type { PluginAddress } from './discovery.ts';

/** What a plugin can be: the first part of its methods' names. */
export type PluginKind = 'VolumeDriver' | 'NetworkDriver' | 'IpamDriver';

/**
 * A plugin of one kind at an address, spoken to over HTTP. It is greeted before the first call, and again after it was
 * silent: the plugin that comes back may be another one.
 */
export class PluginConnection {
  readonly #client: PluginClient;
  #greeting: Promise<void> | undefined;

  constructor(
    readonly name: string,
    address: PluginAddress,
    readonly kind: PluginKind,
    /** What else belongs to the greeting: a question that `ask` puts to the plugin. */
    readonly introduce?: (ask: (method: string) => Promise<Readonly<Record<string, unknown>>>) => Promise<void>,
  ) {
    this.#client = new PluginClient(address);
  }

  /** Throws `not-found` in Docker's words for a plugin that is of another kind. */
  activate(limits: CallLimits): Promise<void> {
    this.#greeting ??= this.#greet(limits).catch((error: unknown) => {
      this.#greeting = undefined;
      throw error;
    });
    return this.#greeting;
  }

  /**
   * Calls `kind.method`. Throws `PluginSilence` when no answer comes, else `internal` with what the plugin says of its
   * failure.
   */
  async ask(method: string, body: object, limits: CallLimits): Promise<Readonly<Record<string, unknown>>> {
    await this.activate(limits);
    let answer: Readonly<Record<string, unknown>>;
    try {
      answer = await this.#client.call(`${this.kind}.${method}`, body, limits);
    } catch (error) {
      if (error instanceof PluginSilence) this.#greeting = undefined;
      throw error;
    }
    const { Err } = answer;
    if (typeof Err === 'string' && Err !== '') throw fail('internal', Err);
    return answer;
  }

  async #greet(limits: CallLimits): Promise<void> {
    const { Implements } = await this.#client.call('Plugin.Activate', undefined, limits);
    if (!Array.isArray(Implements) || !Implements.includes(this.kind)) {
      throw fail('not-found', `plugin ${JSON.stringify(this.name)} does not implement the requested driver`);
    }
    await this.introduce?.((method) => this.#client.call(`${this.kind}.${method}`, {}, limits));
  }
}
