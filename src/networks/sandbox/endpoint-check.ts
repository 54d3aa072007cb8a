import { isIPv4, isIPv6 } from 'node:net';
import type { EndpointSettings } from '#api';
import { fail } from '#std/errors';
import { contains, type Family, familyOf, parsePrefix, readAddress } from '../addresses/ip.ts';
import type { NetworkRecord } from '../record.ts';

/** What decides about an endpoint: whether containers have names in its network, and the network once it is there. */
export interface EndpointPlace {
  readonly hasNames: boolean;
  readonly network: NetworkRecord | undefined;
}

function addressFault(network: NetworkRecord | undefined, family: Family, address: string): string[] {
  if (address === '') return [];
  const isRight = family === 4 ? isIPv4(address) : isIPv6(address);
  const faults = isRight ? [] : [`invalid IPv${family} address: ${address}`];
  if (network === undefined) return faults;
  const asked = network.ipam.pools.filter(({ isAsked, subnet }) => isAsked && familyOf(subnet) === family);
  if (asked.length === 0) {
    const words =
      'user specified IP address is supported only when connecting to networks with user configured subnets';
    return [...faults, words];
  }
  if (isRight && asked.some(({ subnet }) => contains(parsePrefix(subnet), address))) return [];
  return [...faults, `no configured subnet or ip-range contain the IP address ${address}`];
}

/** What is wrong with what is asked for of an endpoint, in Docker's words. */
export function endpointFaults({ hasNames, network }: EndpointPlace, settings: Partial<EndpointSettings>): string[] {
  const { IPv4Address = '', IPv6Address = '', LinkLocalIPs } = settings.IPAMConfig ?? {};
  const faults: string[] = [];
  if (!hasNames && (IPv4Address !== '' || IPv6Address !== '')) {
    faults.push('user specified IP address is supported on user defined networks only');
  }
  if (!hasNames && (settings.Aliases ?? []).length > 0) {
    faults.push('network-scoped alias is supported only for containers in user defined networks');
  }
  // Where no address may be asked for, its place is no matter.
  const place = hasNames ? network : undefined;
  faults.push(...addressFault(place, 4, IPv4Address), ...addressFault(place, 6, IPv6Address));
  for (const address of LinkLocalIPs ?? []) {
    if (readAddress(address) === undefined) faults.push(`invalid link-local IP address: ${address}`);
  }
  return faults;
}

/** Checks what is asked for of an endpoint in a network; throws `invalid-argument` in Docker's words. */
export function checkEndpoint(network: NetworkRecord, settings: Partial<EndpointSettings>, hasNames: boolean): void {
  const faults = endpointFaults({ hasNames, network }, settings);
  if (faults.length === 0) return;
  const list = faults.length === 1 ? faults[0] : faults.map((fault) => `* ${fault}`).join('\n');
  throw fail('invalid-argument', `invalid endpoint settings:\n${list}`);
}
