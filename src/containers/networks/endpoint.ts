import { isIPv6 } from 'node:net';
import type { EndpointSettings } from '#api';
import type { Networks } from '#networks';
import { fail } from '#std/errors';
import { parseMac } from './mac.ts';

/** The networks of every engine, in which containers have no names. */
const ownNetworks: readonly string[] = ['bridge', 'default', 'none', 'host'];

/** Whether containers find each other by name in a network: in each that a user made. */
export function isUserDefined(network: string): boolean {
  return !ownNetworks.includes(network);
}

function sysctlFaults({ DriverOpts }: Partial<EndpointSettings>): string[] {
  const settings = DriverOpts?.['com.docker.network.endpoint.sysctls'];
  return (settings === undefined ? [] : settings.split(','))
    .filter((setting) => !/^net\.(?:ipv4|ipv6|mpls)\.[^.=]+\.IFNAME\.[^=]+=/.test(setting))
    .map((setting) => {
      const form = "represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'";
      return `unrecognised network interface sysctl '${setting}'; ${form}`;
    });
}

/**
 * Checks what is asked of an endpoint in a network, which need not exist yet. Throws `invalid-argument` in Docker's words,
 * after `prefix`.
 */
export function checkEndpoint(
  networks: Pick<Networks, 'find' | 'endpointFaults'>,
  name: string,
  endpoint: Partial<EndpointSettings>,
  prefix = '',
): void {
  const network = networks.find(name)?.name ?? name;
  if (endpoint.MacAddress && parseMac(endpoint.MacAddress) === undefined) {
    throw fail('invalid-argument', `${prefix}invalid MAC address ${endpoint.MacAddress}`);
  }
  const faults = [...networks.endpointFaults(network, endpoint), ...sysctlFaults(endpoint)];
  if (faults.length > 0) {
    const list = faults.length === 1 ? faults : faults.map((fault) => `* ${fault}`);
    throw fail('invalid-argument', `${prefix}invalid endpoint settings:\n${list.join('\n')}`);
  }
  if ((endpoint.Links ?? []).length > 0 && !isUserDefined(network)) {
    throw fail('invalid-argument', `${prefix}links of an endpoint are supported only in user defined networks`);
  }
  if ((endpoint.IPAMConfig?.LinkLocalIPs ?? []).some(isIPv6)) {
    throw fail('not-implemented', `${prefix}link-local addresses of IPv6 are not supported`);
  }
}
