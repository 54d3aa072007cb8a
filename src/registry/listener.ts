import { fail, messageOf } from '#std/errors';

/** Answers a request that came from an address. */
export type Handle = (request: Request, address: string) => Promise<Response>;

/** Where a registry is reached. */
export interface RegistryListener {
  /** `http://HOST:PORT`, with the port that is in use. */
  readonly url: string;
  /** Serves with other certificates from now on; connections that are there keep theirs. Throws `invalid-argument`. */
  renew(tls: Bun.TLSOptions): void;
  /** Takes no more connections, and lets requests end, for some seconds. */
  close(): Promise<void>;
}

/** For how long nothing may come from a client, or go to it, in the middle of a request. */
const idleTimeoutSeconds = 120;
const drainMs = 10_000;

function parseListen(text: string): { hostname: string; port: number } {
  const match = /^(?<host>\[[0-9a-fA-F:.]+\]|[^:]*):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.port);
  if (match === null || port > 65_535) throw fail('invalid-argument', `${text} is no address: write HOST:PORT`);
  return { hostname: match.groups?.host?.replace(/^\[|\]$/g, '') || '0.0.0.0', port };
}

/** Finds out whether a port is taken: one that is shared never is. */
function claimPort(hostname: string, port: number): void {
  void Bun.listen({ hostname, port, socket: { data() {} } }).stop(true);
}

/** Listens at `HOST:PORT`. Throws `conflict` when that is in use, and `invalid-argument` for certificates that are none. */
export function openListener(address: string, tls: Bun.TLSOptions | undefined, handle: Handle): RegistryListener {
  const { hostname, port } = parseListen(address);
  const serve = (at: number, its: Bun.TLSOptions | undefined): Bun.Server<undefined> =>
    Bun.serve({
      hostname,
      port: at,
      // Certificates are renewed by another server, which takes the port over while this one still has it.
      ...(its === undefined ? {} : { tls: its, reusePort: true }),
      // A body that fails is told of by who made it.
      development: false,
      idleTimeout: idleTimeoutSeconds,
      // Blobs go to disk as they come, so nothing but the disk limits them.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: (request, server) => handle(request, server.requestIP(request)?.address ?? ''),
    });
  let server: Bun.Server<undefined>;
  try {
    if (tls !== undefined && port !== 0) claimPort(hostname, port);
    server = serve(port, tls);
  } catch (error) {
    throw fail('conflict', `cannot listen on ${address}: ${messageOf(error)}`, error);
  }
  const ended = new Set<Promise<void>>();

  async function end(one: Bun.Server<undefined>): Promise<void> {
    const drained = one.stop(false);
    const timer = setTimeout(() => void one.stop(true), drainMs);
    await drained;
    clearTimeout(timer);
  }
  return {
    url: server.url.href.replace(/\/$/, ''),
    renew(newer) {
      const old = server;
      try {
        server = serve(old.port ?? port, newer);
      } catch (error) {
        throw fail('invalid-argument', `TLS: ${messageOf(error)}`, error);
      }
      // For as long as its requests take.
      const drained = old.stop(false).finally(() => ended.delete(drained));
      ended.add(drained);
    },
    async close() {
      await end(server);
      await Promise.race([Promise.all(ended), new Promise((resolve) => setTimeout(resolve, drainMs).unref())]);
    },
  };
}
