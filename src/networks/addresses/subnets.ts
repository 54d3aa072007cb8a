import { createHash } from 'node:crypto';
import { fail } from '#std/errors';
import { type Family, lastOf, type Prefix, parsePrefix, prefixAround, widthOf } from './ip.ts';

/** A range from which subnets of one size are cut (`default-address-pools`). */
export interface AddressPool {
  /** `172.20.0.0/14`. */
  readonly base: string;
  /** Prefix length of each subnet. */
  readonly size: number;
}

/** Docker's own, in its order. */
export const predefinedPools: readonly AddressPool[] = [
  { base: '172.17.0.0/16', size: 16 },
  { base: '172.18.0.0/16', size: 16 },
  { base: '172.19.0.0/16', size: 16 },
  { base: '172.20.0.0/14', size: 16 },
  { base: '172.24.0.0/14', size: 16 },
  { base: '172.28.0.0/14', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
];

const uniqueLocalBits = 40;

/** The /48 of unique local addresses (RFC 4193) that follows from an engine's identity. */
export function uniqueLocalPool(identity: string): AddressPool {
  const digest = createHash('sha256').update(identity).digest().subarray(0, 8).readBigUInt64BE();
  const global = digest & ((1n << BigInt(uniqueLocalBits)) - 1n);
  const [high, middle, low] = [32n, 16n, 0n].map((shift) => ((global >> shift) & 0xffffn).toString(16));
  return { base: `fd${high?.padStart(2, '0')}:${middle}:${low}::/48`, size: 64 };
}

/** The first range of that length in a pool that overlaps none of `used`, which are in ascending order. */
function firstFree(pool: Prefix, size: number, used: readonly Prefix[]): Prefix | undefined {
  const step = 1n << BigInt(widthOf(pool.family) - size);
  let { base } = pool;
  const end = lastOf(pool);
  for (const range of used) {
    const last = lastOf(range);
    if (last < base) continue;
    if (range.base > base + step - 1n) break;
    base = prefixAround(pool.family, last, size).base + step;
  }
  return base + step - 1n > end ? undefined : { family: pool.family, base, length: size };
}

/** A subnet of the pools of a family that overlaps nothing in use; throws `invalid-argument` with Docker's words when there is none. */
export function chooseSubnet(family: Family, pools: readonly AddressPool[], inUse: readonly Prefix[]): Prefix {
  const used = inUse
    .filter((range) => range.family === family)
    .sort((one, other) => (one.base < other.base ? -1 : one.base > other.base ? 1 : 0));
  for (const { base, size } of pools) {
    const pool = parsePrefix(base);
    if (pool.family !== family) continue;
    const found = firstFree(pool, size, used);
    if (found !== undefined) return found;
  }
  throw fail('invalid-argument', 'all predefined address pools have been fully subnetted');
}
