import { fail } from '#std/errors';

/** Certificates for an engine behind TLS, as PEM; without `ca` the machine's own authorities are trusted. */
export interface EndpointTls {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly verify: boolean;
}

/** Where an engine listens. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly tls?: EndpointTls | undefined;
      readonly text: string;
    }
  /** A program whose input and output are the connection: `ssh HOST docker system dial-stdio`. */
  | { readonly kind: 'command'; readonly command: readonly string[]; readonly text: string };

const tcpPort = 2375;

/** `ssh://[user@]host[:port][/path of the socket there]`. */
function sshEndpoint(text: string): Endpoint {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw fail('invalid-argument', `ssh host connection is not valid: ${text}`);
  }
  const user = url.username === '' ? [] : ['-l', decodeURIComponent(url.username)];
  const port = url.port === '' ? [] : ['-p', url.port];
  const socket = url.pathname.length > 1 ? ['--host', `unix://${url.pathname}`] : [];
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const command = ['ssh', '-o', 'ConnectTimeout=30', '-T', ...user, ...port, '--', host];
  return { kind: 'command', command: [...command, 'docker', ...socket, 'system', 'dial-stdio'], text };
}

/**
 * Reads a host as `DOCKER_HOST` and `--host` carry it: `unix:///path`, `tcp://host:port`, `http://host:port`,
 * `ssh://user@host`. Missing port: 2375.
 * @throws `invalid-argument` for another scheme.
 */
export function parseEndpoint(text: string): Endpoint {
  const separator = text.indexOf('://');
  const scheme = separator < 0 ? 'tcp' : text.slice(0, separator);
  const rest = separator < 0 ? text : text.slice(separator + 3);
  if (scheme === 'unix' && rest !== '') return { kind: 'unix', path: rest, text };
  if (scheme === 'ssh') return sshEndpoint(text);
  if ((scheme === 'tcp' || scheme === 'http') && rest !== '') {
    const address = /^(?:\[([^\]]+)\]|([^:/]*))(?::(\d+))?\/?$/.exec(rest);
    if (address) {
      const host = address[1] ?? (address[2] || '127.0.0.1');
      return { kind: 'tcp', host, port: address[3] === undefined ? tcpPort : Number(address[3]), text };
    }
  }
  throw fail('invalid-argument', `invalid bind address format: ${text}`);
}
