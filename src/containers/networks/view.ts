import type { EndpointSettings, NetworkSettings } from '#api';
import { type Networks, unconnectedEndpoint } from '#networks';
import { shortId } from '#std/identifiers';
import type { ContainerRecord } from '../record.ts';
import { isUserDefined } from './endpoint.ts';

/** The names that others in a network find a container by, in Docker's order. */
function namesIn({ id, name, config }: ContainerRecord, { Aliases }: Partial<EndpointSettings>): string[] {
  return [...new Set([name, ...(Aliases ?? []), shortId(id), config.Hostname])].filter((word) => word !== '');
}

/** An endpoint of a container that does not run: once it has, its network and its names are known. */
function restingEndpoint(
  record: ContainerRecord,
  network: string,
  asked: Partial<EndpointSettings>,
  networks: Pick<Networks, 'find'>,
): EndpointSettings {
  const endpoint = { ...unconnectedEndpoint, ...asked };
  if (record.life.startedAtNs === '') return endpoint;
  const NetworkID = networks.find(network)?.id ?? '';
  return { ...endpoint, NetworkID, DNSNames: isUserDefined(network) ? namesIn(record, asked) : null };
}

/** In the order in which Docker shows them. */
function byName<T>(endpoints: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(endpoints).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The networks of a container by name: as they are when it runs, as asked for when it does not. */
export function endpointsOf(
  record: ContainerRecord,
  networks: Pick<Networks, 'find' | 'sandbox'>,
): Readonly<Record<string, EndpointSettings>> {
  if (record.config.NetworkDisabled === true) return {};
  const sandbox = networks.sandbox(record.id);
  if (sandbox !== undefined) return byName(sandbox.endpoints);
  const mode = record.hostConfig.NetworkMode;
  const asked = Object.entries(byName(record.endpoints));
  if (asked.length === 0 && mode.startsWith('container:')) return {};
  const wanted: typeof asked = asked.length === 0 ? [[mode, {}]] : asked;
  return Object.fromEntries(
    wanted.map(([name, endpoint]) => [name, restingEndpoint(record, name, endpoint, networks)]),
  );
}

/** The `NetworkSettings` of inspect. */
export function networkSettingsOf(
  record: ContainerRecord,
  networks: Pick<Networks, 'find' | 'sandbox'>,
): NetworkSettings {
  const endpoints = endpointsOf(record, networks);
  const sandbox = networks.sandbox(record.id);
  const bridge = endpoints.bridge ?? unconnectedEndpoint;
  return {
    Bridge: '',
    SandboxID: sandbox === undefined ? '' : record.id,
    SandboxKey: sandbox?.namespacePath ?? '',
    Ports: { ...sandbox?.ports },
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge.EndpointID,
    Gateway: bridge.Gateway,
    GlobalIPv6Address: bridge.GlobalIPv6Address,
    GlobalIPv6PrefixLen: bridge.GlobalIPv6PrefixLen,
    IPAddress: bridge.IPAddress,
    IPPrefixLen: bridge.IPPrefixLen,
    IPv6Gateway: bridge.IPv6Gateway,
    MacAddress: bridge.MacAddress,
    Networks: { ...endpoints },
  };
}
