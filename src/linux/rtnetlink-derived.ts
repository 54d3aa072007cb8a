import { attribute, type NetlinkRequest, netlinkFlags } from './netlink.ts';

/** Devices that are made of another one: linux/if_link.h. */
const newLink = 16;
const link = { address: 1, name: 3, parent: 5, info: 18, namespaceDescriptor: 28 } as const;
const linkInfo = { kind: 1, data: 2 } as const;
const headerBytes = 16;

const macvlanModes = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;
const ipvlanModes = { l2: 0, l3: 1, l3s: 2 } as const;
const ipvlanFlags = { bridge: 0, private: 1, vepa: 2 } as const;

export type MacvlanMode = keyof typeof macvlanModes;
export type IpvlanMode = keyof typeof ipvlanModes;
export type IpvlanFlag = keyof typeof ipvlanFlags;

/** Where a derived device is made: in the namespace open as `namespace`, of the device with index `parent` of this one. */
export interface DerivedPlace {
  readonly name: string;
  readonly parent: number;
  readonly namespace?: number;
}

function short(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function derived(
  kind: string,
  place: DerivedPlace,
  data: readonly Buffer[],
  more: readonly Buffer[] = [],
): NetlinkRequest {
  const { name, parent, namespace } = place;
  const body = Buffer.concat([
    Buffer.alloc(headerBytes),
    attribute(link.name, name),
    attribute(link.parent, parent),
    ...(namespace === undefined ? [] : [attribute(link.namespaceDescriptor, namespace)]),
    ...more,
    attribute(link.info, [attribute(linkInfo.kind, kind), attribute(linkInfo.data, [...data])]),
  ]);
  const flags = netlinkFlags.ack | netlinkFlags.create | netlinkFlags.exclusive;
  return { type: newLink, flags, body, subject: `${kind} ${name}` };
}

/** Makes a macvlan device, down. EBUSY where the parent is a port already, or taken by one in passthru mode. */
export function addMacvlan(place: DerivedPlace, mode: MacvlanMode, mac: string | undefined): NetlinkRequest {
  const address = mac === undefined ? [] : [attribute(link.address, Buffer.from(mac.replaceAll(':', ''), 'hex'))];
  return derived('macvlan', place, [attribute(1, macvlanModes[mode])], address);
}

/** Makes an ipvlan device, down. EOPNOTSUPP where the kernel has none. */
export function addIpvlan(place: DerivedPlace, mode: IpvlanMode, flag: IpvlanFlag): NetlinkRequest {
  return derived('ipvlan', place, [attribute(1, short(ipvlanModes[mode])), attribute(2, short(ipvlanFlags[flag]))]);
}

/** Makes the sub-interface of a VLAN (IEEE 802.1Q), down. EOPNOTSUPP where the kernel has none. */
export function addVlan(place: DerivedPlace, id: number): NetlinkRequest {
  return derived('vlan', place, [attribute(1, short(id))]);
}

/** Moves a device that is down into the namespace open as `namespace`, under another name. */
export function moveLink(index: number, namespace: number, name: string): NetlinkRequest {
  const header = Buffer.alloc(headerBytes);
  header.writeInt32LE(index, 4);
  const body = Buffer.concat([header, attribute(link.namespaceDescriptor, namespace), attribute(link.name, name)]);
  return { type: newLink, flags: netlinkFlags.ack, body, subject: `move of link ${index}` };
}
