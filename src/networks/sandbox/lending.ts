import type { Ipam } from '../addresses/ipam.ts';
import type { LentAddress } from '../addresses/remote-ipam.ts';
import type { NetworkCatalog } from '../catalog.ts';
import type { EndpointRequest } from '../types.ts';

/**
 * Runs `plan` with the addresses that IPAM plugins give for endpoints: planning waits for nobody, and a plugin takes its
 * time. What was not used is given back.
 */
export async function withLentAddresses<T>(
  { catalog, ipam }: { readonly catalog: NetworkCatalog; readonly ipam: Ipam },
  requests: readonly EndpointRequest[],
  plan: () => T,
): Promise<T> {
  const lent: LentAddress[] = [];
  try {
    for (const { network: name, settings } of requests) {
      const network = catalog.find(name);
      if (network === undefined || !ipam.isRemote(network)) continue;
      const { IPv4Address = '', IPv6Address = '' } = settings.IPAMConfig ?? {};
      if (network.enableIpv4) lent.push(await ipam.lend(network, 4, IPv4Address));
      if (network.enableIpv6) lent.push(await ipam.lend(network, 6, IPv6Address));
    }
    return ipam.usingLent(lent, plan);
  } finally {
    for (const { networkId, address } of lent) ipam.release(networkId, address);
  }
}
