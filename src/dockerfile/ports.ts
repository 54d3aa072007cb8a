import { isIP } from 'node:net';
import { fail } from '#std/errors';
import { quoteGo } from './quote.ts';

const wrong = (message: string): Error => fail('invalid-argument', message);

function rangeOf(text: string): { first: number; last: number } | undefined {
  const [, from = '', to = from] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  return from === '' || first > 65_535 || last > 65_535 || last < first ? undefined : { first, last };
}

/** What is odd about a word of EXPOSE, though it is taken. */
export type PortOddity = 'protocol-casing' | 'names-host';

/**
 * Parses a word of EXPOSE (`80`, `80-82/udp`, `[address:]host:container/protocol`) into ports as `80/tcp`. Oddities are told
 * to `note`: a protocol in capitals; an address or a port of the host, which mean nothing in an image. Throws in BuildKit's
 * words.
 */
export function parseExposed(text: string, note: (oddity: PortOddity) => void = () => undefined): string[] {
  const parts = text.split(':');
  const container = parts.pop() ?? '';
  const host = parts.pop() ?? '';
  const address = parts.join(':').replace(/^\[(.*)\]$/, '$1');
  const [port = '', written = ''] = container.split(/\/([\s\S]*)/, 2);
  const protocol = written === '' ? 'tcp' : written.toLowerCase();
  if (port === '') throw wrong(`invalid port: ${quoteGo(text)}: no port specified`);
  if (!['tcp', 'udp', 'sctp'].includes(protocol))
    throw wrong(`invalid port: ${quoteGo(text)}: invalid proto: ${written}`);
  if (written !== written.toLowerCase()) note('protocol-casing');
  if (host !== '' || address !== '') note('names-host');
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
  return Array.from({ length: range.last - range.first + 1 }, (_, index) => `${range.first + index}/${protocol}`);
}
