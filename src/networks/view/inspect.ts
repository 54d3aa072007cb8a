import type { IpamPool, NetworkInspect } from '#api';
import { type Family, familyOf } from '../addresses/ip.ts';
import type { NetworkMember } from '../catalog.ts';
import type { AddressRecord, NetworkRecord, PoolRecord, SandboxRecord } from '../record.ts';

function poolView({ subnet, range, gateway, auxiliary, isAsked, isGatewayAsked }: PoolRecord): IpamPool {
  const isGatewayTold = gateway !== undefined && (isGatewayAsked || !isAsked);
  return {
    Subnet: subnet,
    ...(range !== undefined && { IPRange: range }),
    ...(isGatewayTold && { Gateway: gateway }),
    ...(auxiliary !== undefined && { AuxiliaryAddresses: { ...auxiliary } }),
  };
}

/** Those asked for come first, and IPv4 before IPv6. */
function poolsView(pools: readonly PoolRecord[]): IpamPool[] {
  const ranked = (isAsked: boolean, family: Family): PoolRecord[] =>
    pools.filter((pool) => pool.isAsked === isAsked && familyOf(pool.subnet) === family);
  return [...ranked(true, 4), ...ranked(true, 6), ...ranked(false, 4), ...ranked(false, 6)].map(poolView);
}

function cidr(given: AddressRecord | undefined): string {
  return given === undefined ? '' : `${given.address}/${given.prefixLength}`;
}

/** A network as the API shows it. `nameOf` gives a container's name of this moment. */
export function inspectNetwork(
  network: NetworkRecord,
  members: readonly NetworkMember[],
  nameOf: (sandbox: SandboxRecord) => string,
): NetworkInspect {
  const { ipam } = network;
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: network.enableIpv4,
    EnableIPv6: network.enableIpv6,
    IPAM: {
      Driver: ipam.driver,
      Options: ipam.options && { ...ipam.options },
      Config: ipam.pools.length === 0 ? null : poolsView(ipam.pools),
    },
    Internal: network.isInternal,
    Attachable: network.isAttachable,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom },
    ConfigOnly: network.isConfigOnly,
    Containers: Object.fromEntries(
      members.map(({ sandbox, endpoint: { endpointId, mac, ipv4, ipv6 } }) => [
        sandbox.id,
        {
          Name: nameOf(sandbox),
          EndpointID: endpointId,
          MacAddress: mac,
          IPv4Address: cidr(ipv4),
          IPv6Address: cidr(ipv6),
        },
      ]),
    ),
    Options: { ...network.options },
    Labels: { ...network.labels },
  };
}
