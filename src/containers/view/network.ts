import type { EndpointSettings, NetworkSettings } from '#api';
import { type Sandbox, unconnectedEndpoint } from '#networks';
import type { ContainerRecord } from '../record.ts';

/** The networks of a container: as they are when it runs, as asked for when it does not. */
export function endpointsOf(
  record: ContainerRecord,
  sandbox: Sandbox | undefined,
): Readonly<Record<string, EndpointSettings>> {
  if (sandbox !== undefined && record.config.NetworkDisabled !== true) return sandbox.endpoints;
  const mode = record.hostConfig.NetworkMode;
  if (mode.startsWith('container:') || record.config.NetworkDisabled === true) return {};
  const asked = Object.entries(record.endpoints);
  if (asked.length === 0) return { [mode]: unconnectedEndpoint };
  return Object.fromEntries(
    asked.map(([name, endpoint]) => [name === 'default' ? 'bridge' : name, { ...unconnectedEndpoint, ...endpoint }]),
  );
}

/** The `NetworkSettings` of inspect. */
export function networkSettingsOf(record: ContainerRecord, sandbox: Sandbox | undefined): NetworkSettings {
  const networks = endpointsOf(record, sandbox);
  const bridge = networks.bridge ?? unconnectedEndpoint;
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
    Networks: { ...networks },
  };
}
