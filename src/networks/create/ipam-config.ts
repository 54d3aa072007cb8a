import type { IpamPool } from '#api';
import { fail } from '#std/errors';
import { contains, type Family, overlaps, type Prefix, prefixText, readAddress, readPrefix } from '../addresses/ip.ts';
import type { PoolRequest } from '../addresses/ipam.ts';

/** A range as it is written, host bits and all, beside the one that is meant. */
function readExact(text: string): { prefix: Prefix; isExact: boolean } | undefined {
  const prefix = readPrefix(text);
  const address = readAddress(text.split('/')[0] ?? '');
  return prefix && address && { prefix, isExact: prefix.base === address.value };
}

function rangeFaults(text: string, subnet: Prefix): string[] {
  if (text === '') return [];
  const read = readExact(text);
  if (read === undefined) return [`invalid ip-range ${text}: invalid CIDR block notation`];
  const { prefix, isExact } = read;
  if (prefix.family !== subnet.family)
    return [`invalid ip-range ${text}: parent subnet is an IPv${subnet.family} block`];
  if (prefix.length < subnet.length) {
    return [`invalid ip-range ${text}: CIDR block is bigger than its parent subnet ${prefixText(subnet)}`];
  }
  const faults: string[] = [];
  if (!isExact) faults.push(`invalid ip-range ${text}: it should be ${prefixText(prefix)}`);
  if (!overlaps(subnet, prefix)) {
    faults.push(`invalid ip-range ${text}: parent subnet ${prefixText(subnet)} doesn't contain ip-range`);
  }
  return faults;
}

function addressFault(text: string, subnet: Prefix): string | undefined {
  if (text === '') return undefined;
  const address = readAddress(text);
  if (address === undefined) return 'invalid address';
  if (address.family !== subnet.family) return `parent subnet is an IPv${subnet.family} block`;
  return contains(subnet, text) ? undefined : `parent subnet ${prefixText(subnet)} doesn't contain this address`;
}

function poolFaults(pool: IpamPool, enableIpv6: boolean): string[] {
  const { Subnet = '', IPRange = '', Gateway = '', AuxiliaryAddresses } = pool;
  const read = readExact(Subnet);
  if (read === undefined) return [`invalid subnet ${Subnet}: invalid CIDR block notation`];
  const { prefix, isExact } = read;
  if (prefix.family === 6 && !enableIpv6) return [];
  const faults: string[] = [];
  if (!isExact) faults.push(`invalid subnet ${Subnet}: it should be ${prefixText(prefix)}`);
  faults.push(...rangeFaults(IPRange, prefix));
  const gateway = addressFault(Gateway, prefix);
  if (gateway !== undefined) faults.push(`invalid gateway ${Gateway}: ${gateway}`);
  for (const [name, address] of Object.entries(AuxiliaryAddresses ?? {})) {
    const fault = addressFault(address, prefix);
    if (fault !== undefined) faults.push(`invalid auxiliary address ${name}: ${fault}`);
  }
  return faults;
}

/** Checks the subnets of a request against themselves; throws `invalid-argument` in Docker's words. */
export function checkPools(pools: readonly IpamPool[], enableIpv6: boolean): void {
  const faults = pools.flatMap((pool) => poolFaults(pool, enableIpv6));
  if (faults.length === 0) return;
  const list = faults.length === 1 ? faults[0] : faults.map((fault) => `* ${fault}`).join('\n');
  throw fail('invalid-argument', `invalid network config:\n${list}`);
}

/** What is asked for of the subnets of one family; one of any kind where none is named. */
export function poolRequests(pools: readonly IpamPool[], family: Family, hasGateway: boolean): PoolRequest[] {
  const named = pools.filter(({ Subnet = '' }) => readPrefix(Subnet)?.family === family);
  if (named.length === 0) return [{ family, hasGateway }];
  return named.map(({ Subnet = '', IPRange = '', Gateway = '', AuxiliaryAddresses }) => ({
    family,
    subnet: Subnet,
    ...(IPRange !== '' && { range: IPRange }),
    ...(Gateway !== '' && { gateway: Gateway }),
    ...(AuxiliaryAddresses && { auxiliary: AuxiliaryAddresses }),
    hasGateway: hasGateway || Gateway !== '',
  }));
}
