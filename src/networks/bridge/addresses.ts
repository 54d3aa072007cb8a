import { fail } from '#std/errors';

/** A range of IPv4 addresses. */
export interface Subnet {
  /** First address, as a number. */
  readonly base: number;
  readonly prefixLength: number;
}

/** Reads `172.17.0.0/16` (host bits are dropped); throws `invalid-argument`. */
export function parseSubnet(text: string): Subnet {
  const [address = '', length = ''] = text.split('/');
  const prefixLength = Number(length);
  if (length === '' || !Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > 32) {
    throw fail('invalid-argument', `invalid CIDR address: ${text}`);
  }
  const size = 2 ** (32 - prefixLength);
  return { base: Math.floor(addressNumber(address) / size) * size, prefixLength };
}

/** An IPv4 address as a number; throws `invalid-argument`. */
export function addressNumber(text: string): number {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) {
    throw fail('invalid-argument', `invalid IP address: ${text}`);
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The dotted form of an address. */
export function addressText(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** `172.17.0.0/16`. */
export function subnetText({ base, prefixLength }: Subnet): string {
  return `${addressText(base)}/${prefixLength}`;
}

/** Whether two ranges have an address in common. */
export function overlaps(one: Subnet, other: Subnet): boolean {
  const size = 2 ** (32 - Math.min(one.prefixLength, other.prefixLength));
  return Math.floor(one.base / size) === Math.floor(other.base / size);
}

/**
 * The MAC address of an IPv4 address: locally administered, the address in its last four bytes. One that follows from the
 * address means that a neighbour's memory of an address is right also when the address has a new owner.
 */
export function macOf(address: string): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}

/** Docker's default pools, in its order: first those of /16, then those of /20. */
export function* defaultPools(): Generator<Subnet> {
  for (let second = 17; second <= 31; second++) yield parseSubnet(`172.${second}.0.0/16`);
  for (let third = 0; third < 256; third += 16) yield parseSubnet(`192.168.${third}.0/20`);
}

/** The addresses of one subnet that are in use; the lowest free one is given out first. */
export class AddressPlan {
  readonly #first: number;
  readonly #last: number;
  readonly #used = new Set<number>();
  #lowest: number;

  constructor(
    readonly subnet: Subnet,
    gateway: string,
  ) {
    this.#first = subnet.base + 1;
    this.#last = subnet.base + 2 ** (32 - subnet.prefixLength) - 2;
    this.#lowest = this.#first;
    this.take(gateway);
  }

  /** Marks an address as used. */
  take(address: string): void {
    this.#used.add(addressNumber(address));
  }

  /** The lowest free address, now used; throws `exhausted` when none is left. */
  allocate(): string {
    while (this.#used.has(this.#lowest)) this.#lowest++;
    if (this.#lowest > this.#last) {
      throw fail(
        'exhausted',
        `no available IPv4 addresses on this network's address pools: ${subnetText(this.subnet)}`,
      );
    }
    this.#used.add(this.#lowest);
    return addressText(this.#lowest);
  }

  /** Gives an address back. */
  release(address: string): void {
    const number = addressNumber(address);
    this.#used.delete(number);
    if (number >= this.#first) this.#lowest = Math.min(this.#lowest, number);
  }
}
