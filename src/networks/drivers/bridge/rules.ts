import { type Family, familyOf } from '../../addresses/ip.ts';
import type { BridgeRules, FamilyRules } from '../../firewall/state.ts';
import type { NetworkRecord, PoolRecord } from '../../record.ts';
import type { NetworkDraft } from '../driver.ts';
import { readBridgeOptions } from './options.ts';

/** The families of addresses that a network has. */
export function familiesOf({ enableIpv4, enableIpv6 }: NetworkDraft): Family[] {
  return [...(enableIpv4 ? [4 as const] : []), ...(enableIpv6 ? [6 as const] : [])];
}

/** The subnet of a family that a bridge has: one at most. */
export function poolOf(network: NetworkRecord, family: Family): PoolRecord | undefined {
  return network.ipam.pools.find(({ subnet }) => familyOf(subnet) === family);
}

/** What the firewall has to know of a bridge network; undefined before it is open. */
export function rulesOf(network: NetworkRecord): BridgeRules | undefined {
  if (network.device === undefined) return undefined;
  const options = readBridgeOptions(network);
  const family = (which: Family): FamilyRules | undefined => {
    const pool = poolOf(network, which);
    if (pool === undefined || !familiesOf(network).includes(which)) return undefined;
    const { subnet, gateway } = pool;
    const source = options.sources[which];
    const given = { ...(gateway !== undefined && { gateway }), ...(source !== undefined && { source }) };
    return { subnet, ...given, mode: options.modes[which] };
  };
  const [ipv4, ipv6] = [family(4), family(6)];
  return {
    device: network.device.name,
    ...(ipv4 !== undefined && { ipv4 }),
    ...(ipv6 !== undefined && { ipv6 }),
    isInternal: network.isInternal,
    icc: options.icc,
    masquerade: options.masquerade,
    trustedInterfaces: options.trustedInterfaces,
  };
}
