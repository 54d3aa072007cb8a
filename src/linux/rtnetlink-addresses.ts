import { isIPv6 } from 'node:net';
import { attribute, type NetlinkMessage, type NetlinkRequest, netlinkFlags, readAttributes } from './netlink.ts';
import { addressBytes } from './socket-address.ts';

const messageTypes = {
  newAddress: 20,
  deleteAddress: 21,
  getAddress: 22,
  newRoute: 24,
  deleteRoute: 25,
  getRoute: 26,
} as const;
const addressHeaderBytes = 8;
const routeHeaderBytes = 12;
const mainTable = 254;
const bootProtocol = 3;
const unicastRoute = 1;
export const ipv4Family = 2;
export const ipv6Family = 10;
const withoutDuplicateDetection = 0x02;
const routeAttributes = { destination: 1, device: 4, gateway: 5 } as const;

/** An address range in use on the host: of an interface, or the destination of a route. */
export interface HostRange {
  readonly address: string;
  readonly prefixLength: number;
  readonly linkIndex: number;
}

function familyOf(address: string): number {
  return isIPv6(address) ? ipv6Family : ipv4Family;
}

function addressBody(index: number, address: string, prefixLength: number): Buffer {
  const family = familyOf(address);
  const header = Buffer.from([
    family,
    prefixLength,
    family === ipv6Family ? withoutDuplicateDetection : 0,
    0,
    0,
    0,
    0,
    0,
  ]);
  header.writeUInt32LE(index, 4);
  const bytes = addressBytes(address);
  const parts = [header, attribute(2, bytes), attribute(1, bytes)];
  if (family === ipv4Family) {
    const broadcast = Buffer.alloc(4);
    broadcast.writeUInt32BE((bytes.readUInt32BE() | (2 ** (32 - prefixLength) - 1)) >>> 0);
    parts.push(attribute(4, broadcast));
  }
  return Buffer.concat(parts);
}

/**
 * Gives a link an address, with the broadcast address of its prefix in IPv4; one of IPv6 is there at once, without
 * asking whether somebody has it. EEXIST when the link has it.
 */
export function addAddress(index: number, address: string, prefixLength: number): NetlinkRequest {
  const flags = netlinkFlags.ack | netlinkFlags.create | netlinkFlags.exclusive;
  const body = addressBody(index, address, prefixLength);
  return { type: messageTypes.newAddress, flags, body, subject: `address ${address}/${prefixLength}` };
}

/** Takes an address from a link. EADDRNOTAVAIL when it has it not. */
export function deleteAddress(index: number, address: string, prefixLength: number): NetlinkRequest {
  const body = addressBody(index, address, prefixLength);
  const subject = `address ${address}/${prefixLength}`;
  return { type: messageTypes.deleteAddress, flags: netlinkFlags.ack, body, subject };
}

function defaultRoute(gateway: string, index: number): Buffer {
  const family = familyOf(gateway);
  const header = Buffer.from([family, 0, 0, 0, mainTable, bootProtocol, 0, unicastRoute, 0, 0, 0, 0]);
  const parts = [attribute(routeAttributes.gateway, addressBytes(gateway)), attribute(routeAttributes.device, index)];
  return Buffer.concat([header, ...parts]);
}

/** Makes `gateway`, reached over a link, the way to everywhere, in place of one that there is. */
export function setDefaultRoute(gateway: string, index: number): NetlinkRequest {
  const flags = netlinkFlags.ack | netlinkFlags.create | netlinkFlags.replace;
  const body = defaultRoute(gateway, index);
  return { type: messageTypes.newRoute, flags, body, subject: `route via ${gateway}` };
}

/** The same where there is none; EEXIST when there is one. */
export function addDefaultRoute(gateway: string, index: number): NetlinkRequest {
  const flags = netlinkFlags.ack | netlinkFlags.create | netlinkFlags.exclusive;
  return { ...setDefaultRoute(gateway, index), flags };
}

/** Takes a default route away. ESRCH when there is none like it. */
export function deleteDefaultRoute(gateway: string, index: number): NetlinkRequest {
  const body = defaultRoute(gateway, index);
  return { type: messageTypes.deleteRoute, flags: netlinkFlags.ack, body, subject: `route via ${gateway}` };
}

function dump(type: number, family: number, headerBytes: number, subject: string): NetlinkRequest {
  const body = Buffer.alloc(headerBytes);
  body.writeUInt8(family);
  return { type, flags: netlinkFlags.dump, body, subject };
}

/** Asks for the addresses of all links; `readHostAddress` reads the answers. */
export function listAddresses(family: number): NetlinkRequest {
  return dump(messageTypes.getAddress, family, addressHeaderBytes, 'addresses');
}

/** Asks for all routes; `readHostRoute` reads the answers. */
export function listRoutes(family: number): NetlinkRequest {
  return dump(messageTypes.getRoute, family, routeHeaderBytes, 'routes');
}

const localRoute = 2;

/** Asks which way packets to an address go; `readWay` reads the answer. ENETUNREACH when there is none. */
export function findWay(address: string): NetlinkRequest {
  const bytes = addressBytes(address);
  const header = Buffer.from([familyOf(address), bytes.length * 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const body = Buffer.concat([header, attribute(routeAttributes.destination, bytes)]);
  return { type: messageTypes.getRoute, flags: 0, body, subject: `way to ${address}` };
}

/** The answer to `findWay`: whether the address is the host's own, and the index of the link that leads there. */
export function readWay({ body }: NetlinkMessage): { isLocal: boolean; linkIndex: number } {
  const linkIndex = readAttributes(body, routeHeaderBytes).get(routeAttributes.device)?.readUInt32LE() ?? 0;
  return { isLocal: body.readUInt8(7) === localRoute, linkIndex };
}

function addressText(bytes: Buffer | undefined): string {
  if (bytes === undefined) return '0.0.0.0';
  if (bytes.length === 4) return [...bytes].join('.');
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':');
}

/** Of the links themselves, the same on every host. */
function isLinkLocal(bytes: Buffer | undefined): boolean {
  return bytes?.length === 16 && (bytes.readUInt16BE() & 0xffc0) === 0xfe80;
}

/** One answer to `listAddresses`. */
export function readHostAddress({ body }: NetlinkMessage): HostRange[] {
  const bytes = readAttributes(body, addressHeaderBytes).get(1);
  if (isLinkLocal(bytes)) return [];
  return [{ address: addressText(bytes), prefixLength: body.readUInt8(1), linkIndex: body.readUInt32LE(4) }];
}

/** Whether an answer to `listRoutes` is the way to everywhere, of the main table. */
export function isDefaultRoute({ body }: NetlinkMessage): boolean {
  return body.readUInt8(4) === mainTable && body.readUInt8(1) === 0;
}

/** One answer to `listRoutes`. */
export function readHostRoute({ body }: NetlinkMessage): HostRange[] {
  if (body.readUInt8(4) !== mainTable || body.readUInt8(1) === 0) return [];
  const attributes = readAttributes(body, routeHeaderBytes);
  const destination = attributes.get(routeAttributes.destination);
  if (isLinkLocal(destination)) return [];
  const linkIndex = attributes.get(routeAttributes.device)?.readUInt32LE() ?? 0;
  return [{ address: addressText(destination), prefixLength: body.readUInt8(1), linkIndex }];
}
