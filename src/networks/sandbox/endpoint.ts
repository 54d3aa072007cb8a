import type { EndpointSettings } from '#api';
import { addAddress, type NetlinkRequest, setLink } from '#linux/rtnetlink';
import { fail } from '#std/errors';
import { newId, shortId } from '#std/identifiers';
import type { Ipam } from '../addresses/ipam.ts';
import { macOf, randomMac } from '../addresses/mac.ts';
import type { NetworkCatalog } from '../catalog.ts';
import type { Driver, OpenNamespace, PluggedDevice } from '../drivers/driver.ts';
import type { AddressRecord, EndpointRecord, NetworkRecord } from '../record.ts';
import type { EndpointRequest } from '../types.ts';
import { checkEndpoint } from './endpoint-check.ts';
import type { Workplace } from './namespace.ts';

const optionPrefix = 'com.docker.network.endpoint.';
/** Of 169.254.0.0/16 (RFC 3927) and fe80::/64 (RFC 4291). */
const linkLocalPrefixLengths = { 4: 16, 6: 64 } as const;
const loopbackIndex = 1;

/** What endpoints are made of. */
export interface EndpointParts {
  readonly catalog: NetworkCatalog;
  readonly ipam: Ipam;
  /** The driver of a network; undefined for those that have none: `host` and `none`. */
  readonly driverOf: (network: NetworkRecord) => Driver | undefined;
}

/** Whose endpoint it is. */
export interface EndpointOwner {
  readonly id: string;
  readonly containerName: string;
  readonly hostname: string;
}

/** The network that a container wants to be in; throws in Docker's words when it cannot be. */
export function joinableNetwork({ catalog }: EndpointParts, name: string): NetworkRecord {
  const network = catalog.resolve(name === 'default' ? 'bridge' : name);
  if (network.isConfigOnly) throw fail('forbidden', 'cannot create endpoint on configuration-only network');
  if (network.driver === 'host') {
    const words = 'cannot connect container to host network - container must be created in host network mode';
    throw fail('forbidden', words);
  }
  return network;
}

/** The names that others in a network find a container by, in Docker's order. */
export function namesOf(
  { id, containerName, hostname }: EndpointOwner,
  { Aliases }: Partial<EndpointSettings>,
): string[] {
  return [...new Set([containerName, ...(Aliases ?? []), shortId(id), hostname])].filter((name) => name !== '');
}

function firstFreeName(prefix: string, taken: ReadonlySet<string>): string {
  for (let number = 0; ; number++) if (!taken.has(`${prefix}${number}`)) return `${prefix}${number}`;
}

/** Name of the device inside that is asked for, if any. */
function askedName({ DriverOpts }: Partial<EndpointSettings>): string | undefined {
  return DriverOpts?.[`${optionPrefix}ifname`] || undefined;
}

function allocate(
  { ipam }: EndpointParts,
  driver: Driver,
  network: NetworkRecord,
  settings: Partial<EndpointSettings>,
): { ipv4?: AddressRecord; ipv6?: AddressRecord } {
  const { IPv4Address = '', IPv6Address = '' } = settings.IPAMConfig ?? {};
  const given: { ipv4?: AddressRecord; ipv6?: AddressRecord } = {};
  const give = (family: 4 | 6, asked: string): AddressRecord => {
    const { address, prefixLength, pool } = ipam.allocate(network, family, asked === '' ? undefined : asked);
    const hasRoute = pool.gateway !== undefined && driver.hasDefaultRoute(network, family);
    return { address, prefixLength, ...(hasRoute && { gateway: pool.gateway }) };
  };
  try {
    if (network.enableIpv4) given.ipv4 = give(4, IPv4Address);
    if (network.enableIpv6) given.ipv6 = give(6, IPv6Address);
    return given;
  } catch (error) {
    if (given.ipv4 !== undefined) ipam.release(network.id, given.ipv4.address);
    throw error;
  }
}

/**
 * Chooses addresses and names for an endpoint; the addresses are taken then, and nothing is in the kernel yet. `taken`
 * are the names of the other devices inside.
 */
export function planEndpoint(
  parts: EndpointParts,
  owner: EndpointOwner,
  { network: { id: networkId }, network, settings }: { network: NetworkRecord; settings: Partial<EndpointSettings> },
  taken: ReadonlySet<string>,
): EndpointRecord {
  const driver = parts.driverOf(network);
  const endpointId = newId();
  const bare = { networkId, endpointId, device: '', deviceIndex: 0, asked: settings, published: [] };
  if (driver === undefined) return { ...bare, interfaceName: '', mac: '', names: [] };
  const hasNames = driver.hasNames(network);
  checkEndpoint(network, settings, hasNames);
  const interfaceName = askedName(settings) ?? firstFreeName(driver.interfacePrefix(network), taken);
  const addresses = allocate(parts, driver, network, settings);
  const own = addresses.ipv4?.address ?? addresses.ipv6?.address;
  const asked = settings.MacAddress ?? '';
  return {
    ...bare,
    device: `${parts.catalog.devicePrefix}${endpointId.slice(0, 8)}`,
    interfaceName,
    ...addresses,
    mac: asked !== '' ? asked : own === undefined ? randomMac() : macOf(own),
    names: hasNames ? namesOf(owner, settings) : [],
  };
}

/** Names of devices that endpoints ask for: not to be given to others. */
export function askedNames(requests: readonly EndpointRequest[]): string[] {
  return requests.flatMap(({ settings }) => askedName(settings) ?? []);
}

/** Gives the addresses of an endpoint back. */
export function releaseAddresses({ ipam }: EndpointParts, { networkId, ipv4, ipv6 }: EndpointRecord): void {
  for (const given of [ipv4, ipv6]) if (given !== undefined) ipam.release(networkId, given.address);
}

/** Puts the device of an endpoint into a namespace. */
export function plugEndpoint(
  network: NetworkRecord,
  driver: Driver,
  endpoint: EndpointRecord,
  place: Workplace,
): Promise<PluggedDevice> {
  return place.withIpv6(endpoint.ipv6 !== undefined, () => driver.plug(network, endpoint, place));
}

/** What brings loopback up. */
export const loopbackUp = setLink({ index: loopbackIndex }, { up: true });

/** What brings a device inside up, with all its addresses. */
export function bringUpInside({ ipv4, ipv6, asked }: EndpointRecord, index: number): NetlinkRequest[] {
  const extras = asked.IPAMConfig?.LinkLocalIPs ?? [];
  return [
    setLink({ index }, { up: true }),
    ...[ipv4, ipv6].flatMap((given) => (given ? [addAddress(index, given.address, given.prefixLength)] : [])),
    ...extras.map((extra) => addAddress(index, extra, linkLocalPrefixLengths[extra.includes(':') ? 6 : 4])),
  ];
}

/** Sysctls of the endpoint's own device, which `IFNAME` stands for. */
export function endpointSysctls({ asked, interfaceName }: EndpointRecord): Record<string, string> {
  const settings = asked.DriverOpts?.[`${optionPrefix}sysctls`]?.split(',') ?? [];
  return Object.fromEntries(
    settings.map((setting) => {
      const at = setting.indexOf('=');
      return [setting.slice(0, at).replace('IFNAME', interfaceName), setting.slice(at + 1)];
    }),
  );
}

/** Index of an endpoint's device inside; undefined when it is not there. */
export function insideIndex({ route }: OpenNamespace, { interfaceName }: EndpointRecord): number | undefined {
  return route.links().find(({ name }) => name === interfaceName)?.index;
}
