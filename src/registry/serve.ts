import { fail, messageOf } from '#std/errors';
import { lazy } from '#std/lazy';
import { Lock } from '#std/lock';
import { log } from '#std/log';
import { serveAdmin } from './admin.ts';
import type { Services } from './call.ts';
import { type Collected, collect } from './collect.ts';
import { allowAll, createHandler } from './handle.ts';
import { openStorage, type RegistryStorage } from './storage.ts';
import type { RegistryOptions, Upstream } from './types.ts';

/** A registry that serves. */
export interface Registry {
  /** `http://HOST:PORT`, with the port that is in use. */
  readonly url: string;
  /** Collects garbage, while it serves; with `dryRun` only tells what would go (`now`: as if it were then). */
  collect(dryRun?: boolean, now?: number): Promise<Collected>;
  /** Takes no more connections, lets requests end (for some seconds), and closes what it keeps. */
  close(): Promise<void>;
}

/** For how long nothing may come from a client, or go to it, in the middle of a request. */
const idleTimeoutSeconds = 120;
const drainMs = 10_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

function parseListen(text: string): { hostname: string; port: number } {
  const match = /^(?<host>\[[0-9a-fA-F:.]+\]|[^:]*):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.port);
  if (match === null || port > 65_535) throw fail('invalid-argument', `${text} is no address: write HOST:PORT`);
  return { hostname: match.groups?.host?.replace(/^\[|\]$/g, '') || '0.0.0.0', port };
}

function listen(options: RegistryOptions, handle: ReturnType<typeof createHandler>): Bun.Server<undefined> {
  try {
    return Bun.serve({
      ...parseListen(options.listen),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      idleTimeout: idleTimeoutSeconds,
      // Blobs go to disk as they come, so nothing but the disk limits them.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: (request, server) => handle(request, server.requestIP(request)?.address ?? ''),
    });
  } catch (error) {
    throw fail('conflict', `cannot listen on ${options.listen}: ${messageOf(error)}`, error);
  }
}

/** Collects garbage now and then, and when it is asked for; one collection at a time. */
function collector(storage: RegistryStorage, options: RegistryOptions) {
  const { retention: rules = [], uploadLifeMs = dayMs, collectEveryMs = 6 * hourMs } = options;
  const lock = new Lock();
  const run = (dryRun = false, now = Date.now()): Promise<Collected> =>
    lock.run(() => collect(storage, { rules, uploadLifeMs, dryRun, now }));
  const again = (): void =>
    void run().catch((error: unknown) => log('error', 'garbage not collected', { error: messageOf(error) }));
  const timer = collectEveryMs > 0 ? setInterval(again, collectEveryMs) : undefined;
  return {
    run,
    async stop() {
      clearInterval(timer);
      await lock.run(() => Promise.resolve());
    },
  };
}

/** Starts a registry. Throws `conflict` when its root or its address is in use. */
export function serveRegistry(options: RegistryOptions, upstream?: Upstream): Registry {
  const storage = openStorage(options.root, options.graceMs ?? dayMs);
  const services: Services = { storage, upstream, policy: { readOnly: false, ...options.policy } };
  const garbage = collector(storage, options);
  const opened: Disposable[] = [storage];
  let server: Bun.Server<undefined>;
  try {
    server = listen(options, createHandler(services, options.authorize ?? allowAll, options.token));
    opened.unshift(serveAdmin(options.root, garbage.run));
  } catch (error) {
    storage[Symbol.dispose]();
    throw error;
  }
  async function close(): Promise<void> {
    const drained = server.stop(false);
    const timer = setTimeout(() => void server.stop(true), drainMs);
    await drained;
    clearTimeout(timer);
    await garbage.stop();
    for (const one of opened) one[Symbol.dispose]();
  }
  const closeOnce = lazy(close);
  return { url: server.url.href.replace(/\/$/, ''), collect: garbage.run, close: closeOnce };
}
