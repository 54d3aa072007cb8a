import { lazy } from '#std/lazy';
import { attribute, NetlinkSocket, netlinkFlags } from './netlink.ts';

const netfilterProtocol = 12;
const deleteConnections = (1 << 8) | 2;
const familyNumbers = { ip: 2, ip6: 10 } as const;
const udp = 17;
const tuple = { original: 1, protocol: 2, number: 1, destinationPort: 3 } as const;
const filter = 25;
const originalFlags = 1;
const byProtocol = 1 << 3;
const byDestinationPort = 1 << 5;

const socket = lazy(() => new NetlinkSocket(netfilterProtocol));

/**
 * Makes the kernel forget where packets of present UDP flows to a port of the host go, so that rules decide anew. A flow
 * that never pauses would else go on to where the port led before.
 */
export function forgetUdpFlows(port: number, family: 'ip' | 'ip6'): void {
  const portBytes = Buffer.alloc(2);
  portBytes.writeUInt16BE(port);
  const body = Buffer.concat([
    Buffer.from([familyNumbers[family], 0, 0, 0]),
    attribute(tuple.original, [
      attribute(tuple.protocol, [attribute(tuple.number, Buffer.of(udp)), attribute(tuple.destinationPort, portBytes)]),
    ]),
    attribute(filter, [attribute(originalFlags, byProtocol | byDestinationPort)]),
  ]);
  socket().transact({ type: deleteConnections, flags: netlinkFlags.ack, body, subject: `flows to udp port ${port}` });
}
