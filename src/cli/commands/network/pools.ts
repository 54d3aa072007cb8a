import { BlockList, isIP } from 'node:net';
import type { IpamPool } from '#api';
import { fail } from '#std/errors';
import { toRecord } from '../../values/key-values.ts';

/** What `network create` says of addresses. */
export interface PoolFlags {
  readonly subnet: readonly string[];
  readonly gateway: readonly string[];
  readonly 'ip-range': readonly string[];
  readonly 'aux-address': readonly string[];
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function isPrefix(text: string): boolean {
  const [address = '', length = '', ...more] = text.split('/');
  const longest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return more.length === 0 && /^\d{1,3}$/.test(length) && Number(length) <= longest;
}

/** Whether an address, or the first of a range, is in a subnet. */
function contains(subnet: string, data: string): boolean {
  if (!isPrefix(subnet)) throw fail('invalid-argument', `invalid subnet: invalid CIDR address: ${subnet}`);
  if (data.includes('/') && !isPrefix(data)) throw fail('invalid-argument', `invalid CIDR address: ${data}`);
  const [network = '', length = ''] = subnet.split('/');
  const [address = ''] = data.split('/');
  if (isIP(address) === 0) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(length), familyOf(network));
  return list.check(address, familyOf(address));
}

/** The subnets with what belongs into each; throws in the words of the docker CLI for what belongs nowhere. */
export function pools(flags: PoolFlags): IpamPool[] {
  const { subnet: subnets, gateway: gateways, 'ip-range': ranges } = flags;
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    throw fail('invalid-argument', 'every ip-range or gateway must have a corresponding subnet');
  }
  const found = new Map<string, IpamPool>();
  for (const subnet of subnets) {
    if ([...found.keys()].some((other) => contains(subnet, other) || contains(other, subnet))) {
      throw fail('invalid-argument', 'multiple overlapping subnet configuration is not supported');
    }
    found.set(subnet, { Subnet: subnet });
  }
  const place = (data: string, what: string, put: (pool: IpamPool, subnet: string) => void): void => {
    const matching = subnets.filter((subnet) => contains(subnet, data));
    if (matching.length === 0) throw fail('invalid-argument', `no matching subnet for ${what} ${data}`);
    for (const subnet of matching) put(found.get(subnet) ?? {}, subnet);
  };
  const placeOnce = (data: string, key: 'IPRange' | 'Gateway', what: string, words: string): void =>
    place(data, what, (pool, subnet) => {
      if (pool[key] !== undefined) {
        throw fail(
          'invalid-argument',
          `cannot configure multiple ${words} (${data}, ${pool[key]}) ${placeOf(key)} the same subnet (${subnet})`,
        );
      }
      pool[key] = data;
    });
  for (const range of ranges) placeOnce(range, 'IPRange', 'range', 'ranges');
  for (const gateway of gateways) placeOnce(gateway, 'Gateway', 'gateway', 'gateways');
  for (const [name, address] of Object.entries(toRecord(flags['aux-address']))) {
    place(address, 'aux-address', (pool) => {
      pool.AuxiliaryAddresses = { ...pool.AuxiliaryAddresses, [name]: address };
    });
  }
  return [...found.values()];
}

function placeOf(key: 'IPRange' | 'Gateway'): string {
  return key === 'IPRange' ? 'on' : 'for';
}
