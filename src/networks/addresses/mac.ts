import { addressBytes } from '#linux/socket-address';

function text(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/**
 * The MAC address of an endpoint: locally administered, its address in the last bytes. One that follows from the address
 * means that a neighbour's memory of an address is right also when the address has a new owner.
 */
export function macOf(address: string): string {
  const bytes = [...addressBytes(address)];
  return text([...(bytes.length === 4 ? [0x02, 0x42] : [0x02, 0x46]), ...bytes.slice(-4)]);
}

/** One that nobody has, for a device without an address. */
export function randomMac(): string {
  const bytes = [...crypto.getRandomValues(new Uint8Array(6))];
  return text([((bytes[0] ?? 0) & 0xfc) | 0x02, ...bytes.slice(1)]);
}
