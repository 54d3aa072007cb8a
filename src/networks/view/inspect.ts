import type { Filters, NetworkInspect } from '#api';
import { fail } from '#std/errors';
import { parseSubnet } from '../bridge/addresses.ts';
import type { NetworkRecord, SandboxRecord } from '../record.ts';

function bridgeOptions({ bridge }: NetworkRecord): Record<string, string> {
  if (bridge === undefined) return {};
  return {
    'com.docker.network.bridge.default_bridge': 'true',
    'com.docker.network.bridge.enable_icc': 'true',
    'com.docker.network.bridge.enable_ip_masquerade': 'true',
    'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
    'com.docker.network.bridge.name': bridge.device,
    'com.docker.network.driver.mtu': String(bridge.mtu),
  };
}

/** A network as the API shows it. `nameOf` gives a container's name of this moment. */
export function inspectNetwork(
  network: NetworkRecord,
  sandboxes: Iterable<SandboxRecord>,
  nameOf: (sandbox: SandboxRecord) => string,
): NetworkInspect {
  const { bridge } = network;
  const Containers: NetworkInspect['Containers'] = {};
  for (const sandbox of sandboxes) {
    const endpoint = sandbox.endpoints[network.name];
    if (endpoint === undefined) continue;
    Containers[sandbox.id] = {
      Name: nameOf(sandbox),
      EndpointID: endpoint.EndpointID,
      MacAddress: endpoint.MacAddress,
      IPv4Address: bridge === undefined ? '' : `${endpoint.IPAddress}/${parseSubnet(bridge.subnet).prefixLength}`,
      IPv6Address: '',
    };
  }
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: {
      Driver: 'default',
      Options: null,
      Config: bridge === undefined ? null : [{ Subnet: bridge.subnet, Gateway: bridge.gateway }],
    },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers,
    Options: bridgeOptions(network),
    Labels: {},
  };
}

type Matcher = (network: NetworkInspect, value: string) => boolean;

function isTrue(value: string): boolean {
  if (!/^(?:true|false|1|0)$/.test(value)) {
    const known = 'must be "true" (or "1"), or "false" (or "0")';
    throw fail('invalid-argument', `invalid value for filter 'dangling', ${known}`);
  }
  return value === 'true' || value === '1';
}

/** Networks that the engine itself makes. */
const builtinNames: readonly string[] = ['bridge', 'host', 'none'];

/** By a part of it or by a regular expression; what is no expression matches as it stands. */
function matchesName(name: string, value: string): boolean {
  if (name.includes(value)) return true;
  try {
    return new RegExp(value).test(name);
  } catch {
    return false;
  }
}

const matchers: Readonly<Record<string, Matcher>> = {
  driver: ({ Driver }, value) => Driver === value,
  id: ({ Id }, value) => Id.startsWith(value),
  name: ({ Name }, value) => matchesName(Name, value),
  scope: ({ Scope }, value) => Scope === value,
  type: ({ Name }, value) => {
    if (value !== 'builtin' && value !== 'custom') throw fail('invalid-argument', `invalid filter: 'type'='${value}'`);
    return (value === 'builtin') === builtinNames.includes(Name);
  },
  // A network that comes with the engine is never left over.
  dangling: ({ Name, Containers }, value) =>
    isTrue(value) === (!builtinNames.includes(Name) && Object.keys(Containers).length === 0),
  label: ({ Labels }, value) => {
    const [key = '', expected] = value.split(/=(.*)/s);
    return key in Labels && (expected === undefined || Labels[key] === expected);
  },
};

/** Whether a network passes the filters of `GET /networks`; throws `invalid-argument` for one that does not exist. */
export function matchesFilters(network: NetworkInspect, filters: Filters): boolean {
  return [...filters].every(([name, values]) => {
    const matcher = matchers[name];
    if (matcher === undefined) throw fail('invalid-argument', `invalid filter '${name}'`);
    if (name === 'label') return values.every((value) => matcher(network, value));
    return values.some((value) => matcher(network, value));
  });
}
