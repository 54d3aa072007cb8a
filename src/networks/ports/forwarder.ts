import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { hasCode } from '#linux/errno';
import { lazy } from '#std/lazy';
import { openDatagramForwarder } from './datagram-forwarder.ts';

/** Whether the host can have IPv6 sockets. */
export const hasIpv6 = lazy(() => {
  try {
    return readFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', 'utf8').trim() === '0';
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
});

function join(client: Socket, target: { address: string; port: number }): void {
  const server = connect({ host: target.address, port: target.port, allowHalfOpen: true });
  client.on('error', () => server.destroy());
  server.on('error', () => client.destroy());
  client.on('close', () => server.destroy());
  server.on('close', () => client.destroy());
  client.pipe(server);
  server.pipe(client);
}

/**
 * Takes what reaches an IPv6 address of the host and passes it on to a container: where that has IPv4 alone, and from the
 * host's own `::1`, which rules cannot do. Rejects when the address cannot be bound.
 */
export async function openForwarder(
  protocol: 'tcp' | 'udp',
  host: { address: string; port: number },
  target: { address: string; port: number },
): Promise<Disposable> {
  if (protocol === 'udp') return openDatagramForwarder(host, target);
  const server = createServer({ allowHalfOpen: true }, (client) => join(client, target));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: host.address, port: host.port, ipv6Only: true }, resolve);
  });
  return {
    [Symbol.dispose]() {
      server.close();
    },
  };
}
