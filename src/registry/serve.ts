import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { Services } from './call.ts';
import { allowAll, createHandler } from './handle.ts';
import { openStorage } from './storage.ts';
import type { RegistryOptions, Upstream } from './types.ts';

/** A registry that serves. */
export interface Registry {
  /** `http://HOST:PORT`, with the port that is in use. */
  readonly url: string;
  /** Takes no more connections, lets requests end (for some seconds), and closes what it keeps. */
  close(): Promise<void>;
}

/** For how long nothing may come from a client, or go to it, in the middle of a request. */
const idleTimeoutSeconds = 120;
const drainMs = 10_000;
const hourMs = 3_600_000;

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

/** Starts a registry. Throws `conflict` when its root or its address is in use. */
export function serveRegistry(options: RegistryOptions, upstream?: Upstream): Registry {
  const storage = openStorage(options.root);
  const uploadLifeMs = options.uploadLifeMs ?? 24 * hourMs;
  const services: Services = { storage, upstream, policy: { readOnly: false, ...options.policy } };
  let server: Bun.Server<undefined>;
  try {
    server = listen(options, createHandler(services, options.authorize ?? allowAll));
  } catch (error) {
    storage[Symbol.dispose]();
    throw error;
  }
  const expiry = setInterval(() => {
    const expired = storage.uploads.expire(uploadLifeMs);
    if (expired.length > 0) log('info', 'uploads expired', { count: expired.length });
  }, hourMs);
  return {
    url: server.url.href.replace(/\/$/, ''),
    async close() {
      clearInterval(expiry);
      const drained = server.stop(false);
      const timer = setTimeout(() => void server.stop(true), drainMs);
      await drained;
      clearTimeout(timer);
      storage[Symbol.dispose]();
    },
  };
}
