import {
  attribute,
  attributeText,
  type NetlinkRequest,
  NetlinkSocket,
  netlinkFlags,
  readAttributes,
} from './netlink.ts';
import {
  findWay,
  type HostRange,
  ipv4Family,
  ipv6Family,
  isDefaultRoute,
  listAddresses,
  listRoutes,
  readHostAddress,
  readHostRoute,
  readWay,
} from './rtnetlink-addresses.ts';

export type { NetlinkRequest } from './netlink.ts';
export * from './rtnetlink-addresses.ts';

const messageTypes = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  changeLink: 19,
  newNeighbour: 28,
} as const;

const link = {
  address: 1,
  name: 3,
  mtu: 4,
  peer: 5,
  master: 10,
  info: 18,
  alias: 20,
  namespaceDescriptor: 28,
  port: 12,
} as const;
const linkInfo = { kind: 1, data: 2 } as const;
const vethPeer = 1;
const interfaceUp = 0x1;
const linkHeaderBytes = 16;
const bridgeFamily = 7;
const unchanging = 0x40;
const ofMaster = 0x4;
const bridgePort = { state: 1, hairpin: 4, isolated: 33 } as const;
const disabledState = 0;

/** A network device as the kernel lists it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly isUp: boolean;
  readonly mtu: number;
  /** `02:42:ac:11:00:02`; empty where the device has none. */
  readonly mac: string;
  /** Index of the bridge that it is a port of; 0 for none. */
  readonly master: number;
  /** Index of the other end of a veth pair, in that end's namespace; 0 for other devices. */
  readonly peer: number;
  /** `veth`, `bridge`, …; empty for hardware and loopback. */
  readonly kind: string;
  readonly alias: string;
}

function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

function macText(bytes: Buffer | undefined): string {
  return bytes?.toString('hex').replace(/(..)(?!$)/g, '$1:') ?? '';
}

function linkHeader(options: { index?: number; up?: boolean } = {}): Buffer {
  const header = Buffer.alloc(linkHeaderBytes);
  header.writeInt32LE(options.index ?? 0, 4);
  if (options.up !== undefined) {
    header.writeUInt32LE(options.up ? interfaceUp : 0, 8);
    header.writeUInt32LE(interfaceUp, 12);
  }
  return header;
}

function optional(...parts: (Buffer | false)[]): Buffer[] {
  return parts.filter((part) => part !== false);
}

const creating = netlinkFlags.ack | netlinkFlags.create | netlinkFlags.exclusive;

/** Makes a bridge, down. EEXIST when the name is taken. */
export function addBridge(name: string, options: { mtu?: number } = {}): NetlinkRequest {
  const info = attribute(link.info, [attribute(linkInfo.kind, 'bridge')]);
  const parts = optional(
    linkHeader(),
    attribute(link.name, name),
    options.mtu !== undefined && attribute(link.mtu, options.mtu),
    info,
  );
  return { type: messageTypes.newLink, flags: creating, body: Buffer.concat(parts), subject: `bridge ${name}` };
}

/**
 * Makes a veth pair: the near end here, up and a port of the bridge with index `master`; the far end in the namespace
 * open as `namespace`, down: the kernel wants a pair complete before its far end comes up.
 */
export function addVeth(request: {
  name: string;
  master: number;
  mtu: number;
  peer: { namespace: number; name: string; mac: string };
}): NetlinkRequest {
  const { name, master, mtu, peer } = request;
  const far = Buffer.concat([
    linkHeader(),
    attribute(link.name, peer.name),
    attribute(link.mtu, mtu),
    attribute(link.address, macBytes(peer.mac)),
    attribute(link.namespaceDescriptor, peer.namespace),
  ]);
  const info = attribute(link.info, [
    attribute(linkInfo.kind, 'veth'),
    attribute(linkInfo.data, [attribute(vethPeer, far)]),
  ]);
  const parts = [
    linkHeader({ up: true }),
    attribute(link.name, name),
    attribute(link.mtu, mtu),
    attribute(link.master, master),
    info,
  ];
  return { type: messageTypes.newLink, flags: creating, body: Buffer.concat(parts), subject: `veth ${name}` };
}

/** Changes a link, named by its index or, with 0, by its name. */
export function setLink(
  which: { index: number } | { name: string },
  change: { up?: boolean; master?: number; mtu?: number; mac?: string; alias?: string },
): NetlinkRequest {
  const name = 'name' in which ? which.name : undefined;
  const index = 'index' in which ? which.index : 0;
  const parts = optional(
    linkHeader({ index, ...(change.up !== undefined && { up: change.up }) }),
    name !== undefined && attribute(link.name, name),
    change.mac !== undefined && attribute(link.address, macBytes(change.mac)),
    change.mtu !== undefined && attribute(link.mtu, change.mtu),
    change.master !== undefined && attribute(link.master, change.master),
    change.alias !== undefined && attribute(link.alias, change.alias),
  );
  const subject = `link ${name ?? index}`;
  return { type: messageTypes.newLink, flags: netlinkFlags.ack, body: Buffer.concat(parts), subject };
}

/** Deletes a link; of a veth pair both ends go. It waits for an RCU grace period. ENODEV when there is none. */
export function deleteLink(name: string): NetlinkRequest {
  const body = Buffer.concat([linkHeader(), attribute(link.name, name)]);
  return { type: messageTypes.deleteLink, flags: netlinkFlags.ack, body, subject: `link ${name}` };
}

/**
 * Tells a bridge behind which of its ports a MAC address is now. A static entry, for a port that does not forward yet
 * cannot have learned one; a frame from elsewhere moves it all the same.
 */
export function replaceForwarding(portIndex: number, mac: string): NetlinkRequest {
  const header = Buffer.alloc(12);
  header.writeUInt8(bridgeFamily, 0);
  header.writeUInt32LE(portIndex, 4);
  header.writeUInt16LE(unchanging, 8);
  header.writeUInt8(ofMaster, 10);
  const body = Buffer.concat([header, attribute(2, macBytes(mac))]);
  const flags = netlinkFlags.ack | netlinkFlags.create | netlinkFlags.replace;
  return { type: messageTypes.newNeighbour, flags, body, subject: `forwarding of ${mac}` };
}

function setPort(index: number, type: number, value: number): NetlinkRequest {
  const header = linkHeader({ index });
  header.writeUInt8(bridgeFamily, 0);
  const body = Buffer.concat([header, attribute(link.port, [attribute(type, Buffer.of(value))])]);
  return { type: messageTypes.changeLink, flags: netlinkFlags.ack, body, subject: `port ${index}` };
}

/**
 * Makes a bridge pass nothing more from and to a port, at once: no grace period, as for taking the port away. ENODEV or
 * EINVAL when the link is gone or no port.
 */
export function disablePort(index: number): NetlinkRequest {
  return setPort(index, bridgePort.state, disabledState);
}

/** Makes a bridge pass nothing between a port and others that are so marked; they go on to reach the bridge itself. */
export function isolatePort(index: number): NetlinkRequest {
  return setPort(index, bridgePort.isolated, 1);
}

/** Lets a bridge send a frame out of the port that it came in by: a container that speaks to its own published port. */
export function enableHairpin(index: number): NetlinkRequest {
  return setPort(index, bridgePort.hairpin, 1);
}

function readLink(body: Buffer): Link {
  const attributes = readAttributes(body, linkHeaderBytes);
  const info = attributes.get(link.info);
  return {
    index: body.readInt32LE(4),
    name: attributeText(attributes.get(link.name)),
    isUp: (body.readUInt32LE(8) & interfaceUp) !== 0,
    mtu: attributes.get(link.mtu)?.readUInt32LE() ?? 0,
    mac: macText(attributes.get(link.address)),
    master: attributes.get(link.master)?.readUInt32LE() ?? 0,
    peer: attributes.get(link.peer)?.readUInt32LE() ?? 0,
    kind: info === undefined ? '' : attributeText(readAttributes(info, 0).get(linkInfo.kind)),
    alias: attributeText(attributes.get(link.alias)),
  };
}

/** rtnetlink(7) in the network namespace in which it was opened. */
export class RouteSocket extends NetlinkSocket {
  constructor() {
    super(0);
  }

  /** The link of that name; throws `NetlinkError` with code ENODEV when there is none. */
  link(name: string): Link {
    const body = Buffer.concat([linkHeader(), attribute(link.name, name)]);
    const [answer] = this.transact({ type: messageTypes.getLink, flags: 0, body, subject: `link ${name}` });
    return readLink(answer?.body ?? Buffer.alloc(linkHeaderBytes));
  }

  /** All links. */
  links(): Link[] {
    const flags = netlinkFlags.dump;
    return this.transact({ type: messageTypes.getLink, flags, body: linkHeader(), subject: 'links' }).map(({ body }) =>
      readLink(body),
    );
  }

  /** Addresses of all links, those that a link gives itself (`fe80::`) left out. */
  addresses(): HostRange[] {
    return [ipv4Family, ipv6Family].flatMap((family) => this.transact(listAddresses(family)).flatMap(readHostAddress));
  }

  /** Whether there is a default route of IPv4. */
  hasDefaultRoute(): boolean {
    return this.transact(listRoutes(ipv4Family)).some(isDefaultRoute);
  }

  /** Destinations of all routes of the main table, default routes left out. */
  routes(): HostRange[] {
    return [ipv4Family, ipv6Family].flatMap((family) => this.transact(listRoutes(family)).flatMap(readHostRoute));
  }

  /** Which way packets to an address go: whether it is the host's own, and the device that leads there. */
  wayTo(address: string): { isLocal: boolean; device: string } {
    const [answer] = this.transact(findWay(address));
    const { isLocal, linkIndex } = readWay(answer ?? { type: 0, body: Buffer.alloc(linkHeaderBytes) });
    const body = linkHeader({ index: linkIndex });
    const [found] = this.transact({ type: messageTypes.getLink, flags: 0, body, subject: `link ${linkIndex}` });
    return { isLocal, device: found === undefined ? '' : readLink(found.body).name };
  }
}
