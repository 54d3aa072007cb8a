import { fail } from '#std/errors';

/** Where an engine listens. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly text: string };

const tcpPort = 2375;

/**
 * Reads a host as `DOCKER_HOST` and `--host` carry it: `unix:///path`, `tcp://host:port`, `http://host:port`. Missing
 * port: 2375.
 * @throws `invalid-argument` for another scheme.
 */
export function parseEndpoint(text: string): Endpoint {
  const separator = text.indexOf('://');
  const scheme = separator < 0 ? 'tcp' : text.slice(0, separator);
  const rest = separator < 0 ? text : text.slice(separator + 3);
  if (scheme === 'unix' && rest !== '') return { kind: 'unix', path: rest, text };
  if ((scheme === 'tcp' || scheme === 'http') && rest !== '') {
    const address = /^(?:\[([^\]]+)\]|([^:/]*))(?::(\d+))?\/?$/.exec(rest);
    if (address) {
      const host = address[1] ?? (address[2] || '127.0.0.1');
      return { kind: 'tcp', host, port: address[3] === undefined ? tcpPort : Number(address[3]), text };
    }
  }
  throw fail('invalid-argument', `unable to resolve docker endpoint: invalid bind address format: ${text}`);
}
