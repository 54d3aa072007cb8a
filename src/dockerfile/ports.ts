import { isIP } from 'node:net';
import { fail } from '#std/errors';
import { quoteGo } from './quote.ts';

const wrong = (message: string): Error => fail('invalid-argument', message);

function rangeOf(text: string): { first: number; last: number } | undefined {
  const [, from = '', to = from] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  return from === '' || first > 65_535 || last > 65_535 || last < first ? undefined : { first, last };
}

function protocolOf(port: string, protocol: string): string {
  const whole = `${port}${protocol === '' ? '' : `/${protocol}`}`;
  if (port === '') throw wrong(`invalid port: ${quoteGo(whole)}: no port specified`);
  const lower = protocol.toLowerCase();
  if (!['', 'tcp', 'udp', 'sctp'].includes(lower))
    throw wrong(`invalid port: ${quoteGo(whole)}: invalid proto: ${lower}`);
  return lower === '' ? 'tcp' : lower;
}

/** A word of EXPOSE. */
export interface ExposedPorts {
  /** Each as `80/tcp`. */
  readonly ports: readonly string[];
  /** Whether it names an address or a port of the host, which mean nothing in an image. */
  readonly namesHost: boolean;
  /** Whether its protocol is in lower case. */
  readonly isLowerCase: boolean;
}

/** What is said of a word of EXPOSE before it is known to be right. */
export function describeExposed(text: string): Omit<ExposedPorts, 'ports'> {
  const protocol = text.slice(text.lastIndexOf('/') + 1);
  return { namesHost: text.includes(':'), isLowerCase: !text.includes('/') || protocol === protocol.toLowerCase() };
}

/** Parses a word of EXPOSE (`80`, `80-82/udp`, `[address:]host:container/protocol`). Throws in BuildKit's words. */
export function parseExposed(text: string): ExposedPorts {
  const parts = text.split(':');
  const container = parts.pop() ?? '';
  const host = parts.pop() ?? '';
  const address = parts.join(':').replace(/^\[(.*)\]$/, '$1');
  const [port = '', protocol = ''] = container.split(/\/([\s\S]*)/, 2);
  const kind = protocolOf(port, protocol);
  if (address !== '' && isIP(address) === 0) throw wrong(`invalid IP address: ${address}`);
  const range = rangeOf(port);
  if (range === undefined) throw wrong(`invalid containerPort: ${port}`);
  if (host !== '') {
    const hosts = rangeOf(host);
    if (hosts === undefined) throw wrong(`invalid hostPort: ${host}`);
    const isAsLong = hosts.last - hosts.first === range.last - range.first;
    if (!isAsLong && range.first !== range.last) {
      throw wrong(`invalid ranges specified for container and host Ports: ${port} and ${host}`);
    }
  }
  const ports = Array.from({ length: range.last - range.first + 1 }, (_, index) => `${range.first + index}/${kind}`);
  return { ...describeExposed(text), ports };
}
