/** What tells neighbours on a link that an address has another owner: arp(7), RFC 5227, RFC 4861. */
import { ptr } from 'bun:ffi';
import { closeSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { check, libc } from './errno.ts';
import { attribute, type NetlinkRequest, netlinkFlags } from './netlink.ts';
import { addressBytes } from './socket-address.ts';

const openLibrary = libc({
  sendto: { args: ['i32', 'ptr', 'u64', 'i32', 'ptr', 'u32'], returns: 'i64' },
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
});

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const newNeighbour = 28;
const staleState = 0x04;
const families = { ipv4: 2, ipv6: 10 } as const;
const etherTypes = { arp: 0x0806, ipv6: 0x86dd } as const;
const icmpv6 = 58;
const neighbourAdvertisement = 136;
const overrideFlag = 0x20;
const everybody = 'ff:ff:ff:ff:ff:ff';
const allNodes = { mac: '33:33:00:00:00:01', address: 'ff02::1' } as const;

function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** Tells the host's own kernel the MAC address behind `address` on a link; it makes sure of it when it next uses it. */
export function setNeighbour(linkIndex: number, address: string, mac: string): NetlinkRequest {
  const header = Buffer.alloc(12);
  header.writeUInt8(isIPv6(address) ? families.ipv6 : families.ipv4, 0);
  header.writeUInt32LE(linkIndex, 4);
  header.writeUInt16LE(staleState, 8);
  const body = Buffer.concat([header, attribute(1, addressBytes(address)), attribute(2, macBytes(mac))]);
  const flags = netlinkFlags.ack | netlinkFlags.create | netlinkFlags.replace;
  return { type: newNeighbour, flags, body, subject: `neighbour ${address}` };
}

/** The checksum of IP: RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** An announcement of RFC 5227, section 3. */
function arpFrame(address: string, mac: string): Buffer {
  const [own, hardware] = [addressBytes(address), macBytes(mac)];
  const request = Buffer.from([0, 1, 8, 0, 6, 4, 0, 1]);
  const header = [macBytes(everybody), hardware, uint16(etherTypes.arp)];
  return Buffer.concat([...header, request, hardware, own, Buffer.alloc(6), own]);
}

/** An unsolicited advertisement of RFC 4861, section 7.2.6. */
function advertisementFrame(address: string, mac: string): Buffer {
  const [own, hardware, target] = [addressBytes(address), macBytes(mac), addressBytes(allNodes.address)];
  const message = Buffer.concat([
    Buffer.from([neighbourAdvertisement, 0, 0, 0, overrideFlag, 0, 0, 0]),
    own,
    Buffer.from([2, 1]),
    hardware,
  ]);
  const pseudo = Buffer.concat([own, target, Buffer.from([0, 0, 0, message.length, 0, 0, 0, icmpv6])]);
  message.writeUInt16BE(checksum(Buffer.concat([pseudo, message])), 2);
  const hopLimit = 255;
  const header = Buffer.concat([Buffer.from([0x60, 0, 0, 0]), uint16(message.length), Buffer.from([icmpv6, hopLimit])]);
  return Buffer.concat([
    ...[macBytes(allNodes.mac), hardware, uint16(etherTypes.ipv6)],
    ...[header, own, target, message],
  ]);
}

/** `struct sockaddr_ll`: packet(7). */
function linkAddress(linkIndex: number): Buffer {
  const result = Buffer.alloc(20);
  result.writeUInt16LE(AF_PACKET, 0);
  result.writeInt32LE(linkIndex, 4);
  return result;
}

/** Speaks on links of the network namespace in which it was opened. */
export class Announcer implements Disposable {
  readonly #socket: number;

  constructor() {
    // Of protocol 0, so that nothing is ever received.
    this.#socket = check('socket', openLibrary().socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  }

  /** Tells everybody on a link the MAC address behind `address`. ENETDOWN when the link is down, ENXIO when it is gone. */
  announce(linkIndex: number, address: string, mac: string): void {
    const frame = isIPv6(address) ? advertisementFrame(address, mac) : arpFrame(address, mac);
    const to = linkAddress(linkIndex);
    const sent = openLibrary().sendto(this.#socket, ptr(frame), BigInt(frame.length), 0, ptr(to), to.length);
    check('sendto', sent, `announcement of ${address}`);
  }

  [Symbol.dispose](): void {
    closeSync(this.#socket);
  }
}
