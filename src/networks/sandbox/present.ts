import type { EndpointSettings } from '#api';
import type { NetworkCatalog } from '../catalog.ts';
import { unconnectedEndpoint } from '../endpoint.ts';
import type { EndpointRecord, SandboxRecord } from '../record.ts';
import type { Sandbox } from '../types.ts';

/** An endpoint as the API shows it. */
export function endpointSettings(endpoint: EndpointRecord): EndpointSettings {
  const { networkId, endpointId, ipv4, ipv6, mac, asked, names } = endpoint;
  const { IPAMConfig = null, Links = null, Aliases = null, DriverOpts = null, GwPriority = 0 } = asked;
  return {
    ...unconnectedEndpoint,
    ...{ IPAMConfig, Links, Aliases, DriverOpts, GwPriority },
    MacAddress: mac,
    NetworkID: networkId,
    EndpointID: endpointId,
    Gateway: ipv4?.gateway ?? '',
    IPAddress: ipv4?.address ?? '',
    IPPrefixLen: ipv4?.prefixLength ?? 0,
    IPv6Gateway: ipv6?.gateway ?? '',
    GlobalIPv6Address: ipv6?.address ?? '',
    GlobalIPv6PrefixLen: ipv6?.prefixLength ?? 0,
    DNSNames: names.length === 0 ? null : [...names],
  };
}

/** A sandbox as containers see it. */
export function presentSandbox(record: SandboxRecord, { networks }: NetworkCatalog): Sandbox {
  const { id, namespacePath, endpoints, ports } = record;
  return {
    containerId: id,
    namespacePath,
    endpoints: Object.fromEntries(
      endpoints.map((endpoint) => [
        networks.get(endpoint.networkId)?.name ?? endpoint.networkId,
        endpointSettings(endpoint),
      ]),
    ),
    ports,
    hasResolver: endpoints.some(({ names }) => names.length > 0),
  };
}
