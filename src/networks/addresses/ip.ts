import { isIP } from 'node:net';
import { addressBytes } from '#linux/socket-address';
import { fail } from '#std/errors';

export type Family = 4 | 6;

/** A range of addresses of one family, aligned to its size. */
export interface Prefix {
  readonly family: Family;
  /** First address, as a number. */
  readonly base: bigint;
  readonly length: number;
}

/** Bits of an address. */
export function widthOf(family: Family): number {
  return family === 4 ? 32 : 128;
}

/** The family of an address or a prefix by its text alone. */
export function familyOf(text: string): Family {
  return text.includes(':') ? 6 : 4;
}

/** An address as a number, or undefined for what is none. A zone (`%eth0`) belongs to no address here. */
export function readAddress(text: string): { family: Family; value: bigint } | undefined {
  if (isIP(text) === 0 || text.includes('%')) return undefined;
  const bytes = addressBytes(text);
  return { family: bytes.length === 4 ? 4 : 6, value: BigInt(`0x${bytes.toString('hex')}`) };
}

/** An address as a number; throws `invalid-argument`. */
export function addressNumber(text: string): bigint {
  const read = readAddress(text);
  if (read === undefined) throw fail('invalid-argument', `invalid IP address: ${text}`);
  return read.value;
}

/** The longest run of zero groups, of two at least, stands as `::` (RFC 5952). */
function ipv6Text(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn);
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === 0n) length++;
    if (length > best.length) best = { start, length };
  }
  const texts = groups.map((group) => group.toString(16));
  if (best.length < 2) return texts.join(':');
  return `${texts.slice(0, best.start).join(':')}::${texts.slice(best.start + best.length).join(':')}`;
}

/** The usual form of an address. */
export function addressText(family: Family, value: bigint): string {
  if (family === 6) return ipv6Text(value);
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

function sizeOf({ family, length }: Prefix): bigint {
  return 1n << BigInt(widthOf(family) - length);
}

/** The last address of a range. */
export function lastOf(prefix: Prefix): bigint {
  return prefix.base + sizeOf(prefix) - 1n;
}

/** The range of that length that an address is in. */
export function prefixAround(family: Family, value: bigint, length: number): Prefix {
  const shift = BigInt(widthOf(family) - length);
  return { family, base: (value >> shift) << shift, length };
}

/** Reads `172.17.0.0/16` (host bits are dropped), or undefined for what is none. */
export function readPrefix(text: string): Prefix | undefined {
  const [, host = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = readAddress(host);
  if (address === undefined || Number(digits) > widthOf(address.family)) return undefined;
  return prefixAround(address.family, address.value, Number(digits));
}

/** Reads `172.17.0.0/16` (host bits are dropped); throws `invalid-argument`. */
export function parsePrefix(text: string): Prefix {
  const prefix = readPrefix(text);
  if (prefix === undefined) throw fail('invalid-argument', `invalid CIDR address: ${text}`);
  return prefix;
}

/** `172.17.0.0/16`. */
export function prefixText({ family, base, length }: Prefix): string {
  return `${addressText(family, base)}/${length}`;
}

/** Whether two ranges have an address in common. */
export function overlaps(one: Prefix, other: Prefix): boolean {
  return one.family === other.family && one.base <= lastOf(other) && other.base <= lastOf(one);
}

/** Whether an address is in a range. */
export function contains(prefix: Prefix, text: string): boolean {
  const address = readAddress(text);
  if (address?.family !== prefix.family) return false;
  return address.value >= prefix.base && address.value <= lastOf(prefix);
}
