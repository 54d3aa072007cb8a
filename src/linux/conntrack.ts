import { lazy } from '#std/lazy';
import { hasCode } from './errno.ts';
import { attribute, NetlinkSocket, netfilterProtocol, netlinkFlags, readAttributes } from './netlink.ts';

const getConnections = (1 << 8) | 1;
const deleteConnections = (1 << 8) | 2;
const generalHeaderBytes = 4;
const nested = 0x8000;
const fewPorts = 2;
const familyNumbers = { ip: 2, ip6: 10 } as const;
const udp = 17;
const tuple = { original: 1, protocol: 2, number: 1, destinationPort: 3 } as const;
const filter = 25;
const originalFlags = 1;
const byProtocol = 1 << 3;
const byDestinationPort = 1 << 5;

/** Families of flows. */
type TrackedFamily = keyof typeof familyNumbers;

const socket = lazy(() => new NetlinkSocket(netfilterProtocol));

function header(family: TrackedFamily): Buffer {
  return Buffer.from([familyNumbers[family], 0, 0, 0]);
}

function forgetByPort(port: number, family: TrackedFamily): void {
  const portBytes = Buffer.alloc(2);
  portBytes.writeUInt16BE(port);
  const body = Buffer.concat([
    header(family),
    attribute(tuple.original, [
      attribute(tuple.protocol, [attribute(tuple.number, Buffer.of(udp)), attribute(tuple.destinationPort, portBytes)]),
    ]),
    attribute(filter, [attribute(originalFlags, byProtocol | byDestinationPort)]),
  ]);
  socket().transact({ type: deleteConnections, flags: netlinkFlags.ack, body, subject: `flows to udp port ${port}` });
}

/** The original direction of a flow: its bytes, and the port that it goes to where it is UDP. */
function readOriginal(body: Buffer): { bytes: Buffer; port: number } | undefined {
  const bytes = readAttributes(body, generalHeaderBytes).get(tuple.original);
  if (bytes === undefined) return undefined;
  const protocol = readAttributes(bytes, 0).get(tuple.protocol);
  if (protocol === undefined) return undefined;
  const parts = readAttributes(protocol, 0);
  const port = parts.get(tuple.destinationPort)?.readUInt16BE();
  return parts.get(tuple.number)?.readUInt8() === udp && port !== undefined ? { bytes, port } : undefined;
}

function forgetOne(family: TrackedFamily, original: Buffer): void {
  const body = Buffer.concat([header(family), attribute(tuple.original | nested, original)]);
  try {
    socket().transact({ type: deleteConnections, flags: netlinkFlags.ack, body, subject: 'a flow' });
  } catch (error) {
    // It has ended meanwhile.
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/** A look through all flows, for as many ports as there are: each of its own would be one, too. */
function forgetMany(ports: ReadonlySet<number>, family: TrackedFamily): void {
  const protocol = [attribute(tuple.protocol, [attribute(tuple.number, Buffer.of(udp))])];
  const body = Buffer.concat([
    header(family),
    attribute(tuple.original, protocol),
    attribute(filter, [attribute(originalFlags, byProtocol)]),
  ]);
  const flags = netlinkFlags.dump;
  for (const flow of socket().transact({ type: getConnections, flags, body, subject: 'flows of udp' })) {
    const original = readOriginal(flow.body);
    if (original !== undefined && ports.has(original.port)) forgetOne(family, original.bytes);
  }
}

/**
 * Makes the kernel forget where packets of present UDP flows to ports of the host go, so that rules decide anew. A flow
 * that never pauses would else go on to where the port led before.
 */
export function forgetUdpFlows(ports: readonly number[], family: TrackedFamily): void {
  if (ports.length > fewPorts) forgetMany(new Set(ports), family);
  else for (const port of ports) forgetByPort(port, family);
}
