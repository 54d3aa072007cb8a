import { fail, messageOf } from '#std/errors';
import { lazy } from '#std/lazy';
import { Lock } from '#std/lock';
import { log } from '#std/log';
import { serveAdmin } from './admin.ts';
import { openCache } from './cache/cache.ts';
import type { Services } from './call.ts';
import { type Collected, collect } from './collect.ts';
import { allowAll, createHandler } from './handle.ts';
import { openListener, type RegistryListener } from './listener.ts';
import { RegistryMetrics } from './metrics.ts';
import type { RetentionRule } from './retention.ts';
import { openStorage } from './storage.ts';
import type { LiveOptions, RegistryOptions } from './types.ts';

/** A registry that serves. */
export interface Registry {
  /** `http://HOST:PORT`, with the port that is in use. */
  readonly url: string;
  /** Collects garbage, while it serves; with `dryRun` only tells what would go (`now`: as if it were then). */
  collect(dryRun?: boolean, now?: number): Promise<Collected>;
  /** In Prometheus's format. */
  metrics(): Promise<string>;
  /**
   * Takes these in place of what held; requests that run end as they began. TLS cannot be turned on or off, only given other
   * certificates. Throws `invalid-argument`, and then all is as it was.
   */
  renew(options: LiveOptions): void;
  /** Takes no more connections, lets requests end (for some seconds), and closes what it keeps. */
  close(): Promise<void>;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Collects garbage now and then, and when it is asked for; one collection at a time. */
function collector(
  { storage, upstream, metrics }: Services,
  { uploadLifeMs = dayMs, collectEveryMs = 6 * hourMs }: RegistryOptions,
  rules: () => readonly RetentionRule[],
) {
  const lock = new Lock();
  async function run(dryRun: boolean, now: number): Promise<Collected> {
    const keeping = upstream === undefined ? {} : { upstream };
    try {
      const collected = await collect(storage, { rules: rules(), uploadLifeMs, dryRun, now, ...keeping });
      metrics.collected(collected);
      return collected;
    } catch (error) {
      metrics.collected(undefined);
      throw error;
    }
  }
  const runAlone = (dryRun = false, now = Date.now()): Promise<Collected> => lock.run(() => run(dryRun, now));
  const again = (): void =>
    void runAlone().catch((error: unknown) => log('error', 'garbage not collected', { error: messageOf(error) }));
  const timer = collectEveryMs > 0 ? setInterval(again, collectEveryMs) : undefined;
  return {
    run: runAlone,
    async stop() {
      clearInterval(timer);
      await lock.run(() => Promise.resolve());
    },
  };
}

/** Starts a registry. Throws `conflict` when its root or its address is in use. */
export function serveRegistry(options: RegistryOptions): Registry {
  let live: LiveOptions = options;
  const storage = openStorage(options.root, options.graceMs ?? dayMs);
  const upstream = options.cache === undefined ? undefined : openCache(storage, options.cache);
  const metrics = new RegistryMetrics();
  const policy = () => ({ readOnly: false, ...live.policy });
  const services: Services = { storage, upstream, metrics, policy };
  const garbage = collector(services, options, () => live.retention ?? []);
  const opened: Disposable[] = [storage];
  let listener: RegistryListener;
  try {
    const handle = createHandler(services, () => live.guard ?? { authorize: allowAll });
    listener = openListener(options.listen, options.tls, handle);
    opened.unshift(serveAdmin(options.root, garbage.run));
  } catch (error) {
    storage[Symbol.dispose]();
    throw error;
  }
  async function close(): Promise<void> {
    await listener.close();
    await upstream?.close();
    await garbage.stop();
    for (const one of opened) one[Symbol.dispose]();
  }
  return {
    url: listener.url,
    collect: garbage.run,
    metrics: () => metrics.text(storage, upstream?.counts),
    renew(newer) {
      if ((newer.tls === undefined) !== (live.tls === undefined)) {
        throw fail('invalid-argument', 'TLS is turned on or off by a restart alone');
      }
      if (newer.tls !== undefined && !Bun.deepEquals(newer.tls, live.tls)) listener.renew(newer.tls);
      live = newer;
    },
    close: lazy(close),
  };
}
