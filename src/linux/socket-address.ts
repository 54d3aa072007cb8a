import { isIP } from 'node:net';
import { fail } from '#std/errors';

const ipv4Family = 2;
const ipv6Family = 10;

function groupBytes(half: string): number[] {
  if (half === '') return [];
  return half.split(':').flatMap((group) => {
    // The last four bytes may be written as an IPv4 address.
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

/** The four or sixteen bytes of an address, in network order; throws `invalid-argument`. */
export function addressBytes(address: string): Buffer {
  const version = isIP(address);
  if (version === 0 || address.includes('%')) throw fail('invalid-argument', `invalid IP address: ${address}`);
  if (version === 4) return Buffer.from(address.split('.').map(Number));
  const [front = [], back = []] = address.split('::').map(groupBytes);
  return Buffer.from([...front, ...Array<number>(16 - front.length - back.length).fill(0), ...back]);
}

/**
 * `struct sockaddr_in` or `sockaddr_in6`: ip(7), ipv6(7). `scope` is the number of the device that a link-local address of IPv6 is
 * of. Throws `invalid-argument` for what is no address.
 */
export function socketAddress(address: string, port: number, scope = 0): Buffer {
  const bytes = addressBytes(address);
  const isIpv4 = bytes.length === 4;
  const result = Buffer.alloc(isIpv4 ? 16 : 28);
  result.writeUInt16LE(isIpv4 ? ipv4Family : ipv6Family, 0);
  result.writeUInt16BE(port, 2);
  bytes.copy(result, isIpv4 ? 4 : 8);
  if (!isIpv4) result.writeUInt32LE(scope, 24);
  return result;
}
