import { fail } from '#std/errors';
import { addressNumber, addressText, contains, lastOf, type Prefix, widthOf } from './ip.ts';

/** The addresses of one subnet that are in use; the lowest free one is given out first. */
export class AddressPlan {
  readonly #isTiny: boolean;
  readonly #size: number;
  readonly #first: number;
  readonly #last: number;
  /** Distances from the subnet's first address. */
  readonly #used = new Set<number>();
  #lowest: number;

  /** `range`: the part of the subnet to give out of. */
  constructor(
    readonly subnet: Prefix,
    readonly range: Prefix = subnet,
  ) {
    const spare = widthOf(subnet.family) - subnet.length;
    // Too small for a network of its own to have addresses that mean the network, or all of it, are given out too.
    this.#isTiny = spare < 2;
    this.#size = Number(lastOf(subnet) - subnet.base) + 1;
    const start = Number(range.base - subnet.base);
    const end = Math.min(Number(lastOf(range) - subnet.base), Number.MAX_SAFE_INTEGER);
    this.#first = this.#isTiny ? start : Math.max(start, 1);
    // The last of a subnet means everybody in it, in IPv4 alone.
    const hasBroadcast = subnet.family === 4 && !this.#isTiny && lastOf(range) === lastOf(subnet);
    this.#last = hasBroadcast ? end - 1 : end;
    this.#lowest = this.#first;
  }

  #distance(address: string): number {
    return Number(addressNumber(address) - this.subnet.base);
  }

  /** Whether an address may be somebody's, and is nobody's yet. The whole subnet counts, not the range alone. */
  isUsable(address: string): boolean {
    const distance = this.#distance(address);
    const isOfHosts = this.#isTiny || (distance > 0 && (this.subnet.family === 6 || distance < this.#size - 1));
    return isOfHosts && !this.#used.has(distance);
  }

  /** Marks an address as used. */
  take(address: string): void {
    if (contains(this.subnet, address)) this.#used.add(this.#distance(address));
  }

  /** Takes an address that is asked for; throws `forbidden` when it cannot be had. */
  claim(address: string): string {
    if (!this.isUsable(address)) throw fail('forbidden', 'Address already in use');
    this.take(address);
    return address;
  }

  /** The lowest free address, now used; undefined when none is left. */
  allocate(): string | undefined {
    while (this.#used.has(this.#lowest)) this.#lowest++;
    if (this.#lowest > this.#last) return undefined;
    this.#used.add(this.#lowest);
    return addressText(this.subnet.family, this.subnet.base + BigInt(this.#lowest));
  }

  /** Gives an address back. */
  release(address: string): void {
    if (!contains(this.subnet, address)) return;
    const distance = this.#distance(address);
    this.#used.delete(distance);
    if (distance >= this.#first) this.#lowest = Math.min(this.#lowest, distance);
  }
}
