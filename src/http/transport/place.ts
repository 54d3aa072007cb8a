import { fail } from '#std/errors';

/** Where the API is served. */
export type Place =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number | undefined }
  /** Sockets that a service manager opened: all of them, or the one with the name. */
  | { readonly kind: 'descriptor'; readonly name: string };

/**
 * Parses a host as `--host` takes it: `unix:///path`, `tcp://ip:port` (without a port: 2375, or 2376 with TLS; without an
 * address: 127.0.0.1), `fd://` or `fd://NAME`. Throws `invalid-argument`.
 */
export function parseHost(host: string): Place {
  const unix = /^unix:\/\/(\/.+)$/.exec(host);
  if (unix?.[1] !== undefined) return { kind: 'unix', path: unix[1] };
  const descriptor = /^fd:\/\/([\w.@:-]*)$/.exec(host);
  if (descriptor?.[1] !== undefined) return { kind: 'descriptor', name: descriptor[1] === '*' ? '' : descriptor[1] };
  const tcp = /^tcp:\/\/(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]*))(?::(\d{1,5}))?\/?$/.exec(host);
  if (tcp === null || Number(tcp[3] ?? 0) > 65_535) {
    throw fail('invalid-argument', `invalid bind address (${host}): it must be unix:///path, tcp://ip:port or fd://`);
  }
  const port = tcp[3] === undefined ? undefined : Number(tcp[3]);
  return { kind: 'tcp', host: tcp[1] ?? (tcp[2] || '127.0.0.1'), port };
}
