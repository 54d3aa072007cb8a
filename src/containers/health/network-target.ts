import { isIP } from 'node:net';
import { fail } from '#std/errors';

/** Where a probe without a process connects, in the container's network. */
export interface NetworkTarget {
  readonly kind: 'HTTP' | 'TCP';
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  /** HTTP: what is asked for, and of whom. */
  readonly path: string;
  readonly host: string;
}

const ownAddress = '127.0.0.1';

/** Names of no other host than the container itself: a probe asks no name server. */
function addressOf(host: string, whole: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (bare === '' || bare === 'localhost') return ownAddress;
  if (isIP(bare) !== 0) return bare;
  throw fail('invalid-argument', `Healthcheck ${whole}: the host must be an IP address, localhost or nothing`);
}

function portOf(text: string, whole: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535)
    throw fail('invalid-argument', `Healthcheck ${whole}: invalid port: ${JSON.stringify(text)}`);
  return port;
}

function splitHost(authority: string): { host: string; port: string | undefined } {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(authority);
  return { host: match?.[1] ?? authority, port: match?.[2] };
}

/**
 * Reads `["HTTP", "http://:8080/ready"]` and `["TCP", "8080"]` or `["TCP", "127.0.0.1:8080"]`; undefined when `test` is
 * of another kind. Throws `invalid-argument` for one that leads nowhere.
 */
export function networkTarget(test: readonly string[]): NetworkTarget | undefined {
  const [kind, where = '', ...more] = test;
  if (kind !== 'HTTP' && kind !== 'TCP') return undefined;
  const whole = JSON.stringify(test);
  if (more.length > 0 || where === '') throw fail('invalid-argument', `Healthcheck ${whole}: one address is needed`);
  if (kind === 'TCP') {
    const { host, port } = where.includes(':') ? splitHost(where) : { host: '', port: where };
    return { kind, address: addressOf(host, whole), port: portOf(port ?? '', whole), path: '', host };
  }
  const match = /^http:\/\/([^/?#\s]*)([/?][^#\s]*)?$/.exec(where);
  if (match === null) throw fail('invalid-argument', `Healthcheck ${whole}: an address as http://:8080/path is needed`);
  const { host, port = '80' } = splitHost(match[1] ?? '');
  const path = match[2] ?? '/';
  const address = addressOf(host, whole);
  return {
    kind,
    address,
    port: portOf(port, whole),
    path: path.startsWith('/') ? path : `/${path}`,
    host: `${host === '' ? 'localhost' : host}:${port}`,
  };
}
