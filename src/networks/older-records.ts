import type { EndpointSettings, PortBinding } from '#api';
import { familyOf } from './addresses/ip.ts';
import type { NetworkRecord, PublishedPort, SandboxRecord } from './record.ts';

/** A network as the first engines wrote it, which had one bridge. */
interface FirstNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly created: string;
  readonly bridge?: {
    readonly device: string;
    readonly subnet: string;
    readonly gateway: string;
    readonly mtu: number;
  };
}

/** A sandbox as the first engines wrote it, with one endpoint. */
interface FirstSandbox {
  readonly id: string;
  readonly containerName: string;
  readonly namespacePath: string;
  readonly attachment?: {
    readonly device: string;
    readonly deviceIndex: number;
    readonly address: string;
    readonly mac: string;
    readonly interfaceName?: string;
    readonly linkLocalAddresses?: readonly string[];
  };
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  readonly ports: Readonly<Record<string, PortBinding[] | null>>;
  readonly published: readonly PublishedPort[];
}

/** A network as this engine writes it, from one that an older engine wrote. */
export function networkUpToDate(record: NetworkRecord | FirstNetwork): NetworkRecord {
  if ('ipam' in record) return record;
  const { id, name, driver, created, bridge } = record;
  const pool = bridge && { subnet: bridge.subnet, gateway: bridge.gateway, isAsked: false, isGatewayAsked: false };
  return {
    ...builtinNetwork({ id, name, driver, created }),
    options: bridge === undefined ? {} : { 'com.docker.network.driver.mtu': String(bridge.mtu) },
    ipam: { driver: 'default', options: null, pools: pool === undefined ? [] : [pool] },
    ...(bridge !== undefined && { device: { name: bridge.device, isOwn: true } }),
  };
}

/** A network that comes with every engine, before it is opened. */
export function builtinNetwork(facts: Pick<NetworkRecord, 'id' | 'name' | 'driver' | 'created'>): NetworkRecord {
  return {
    ...facts,
    enableIpv4: true,
    enableIpv6: false,
    isInternal: false,
    isAttachable: false,
    isConfigOnly: false,
    configFrom: '',
    options: {},
    labels: {},
    ipam: { driver: 'default', options: null, pools: [] },
  };
}

/** A sandbox as this engine writes it, from one that an older engine wrote: a running container keeps its network. */
export function sandboxUpToDate(record: SandboxRecord | FirstSandbox): SandboxRecord {
  if ('wishes' in record) return record;
  const { id, containerName, namespacePath, attachment, endpoints, ports, published } = record;
  const { device = '', deviceIndex = 0, mac = '', interfaceName = 'eth0', linkLocalAddresses } = attachment ?? {};
  return {
    id,
    containerName,
    hostname: id.slice(0, 12),
    namespacePath,
    endpoints: Object.values(endpoints).map((settings) => {
      const { NetworkID, EndpointID, Gateway, IPAddress, IPPrefixLen, IPAMConfig } = settings;
      const ipv4 = { address: IPAddress, prefixLength: IPPrefixLen, gateway: Gateway };
      const asked = {
        ...settings,
        IPAMConfig: linkLocalAddresses ? { LinkLocalIPs: [...linkLocalAddresses] } : IPAMConfig,
      };
      return {
        networkId: NetworkID,
        endpointId: EndpointID,
        device,
        deviceIndex,
        interfaceName: attachment === undefined ? '' : interfaceName,
        ...(IPAddress !== '' && familyOf(IPAddress) === 4 && { ipv4 }),
        mac,
        asked,
        names: [],
        published,
      };
    }),
    wishes: { portBindings: ports, exposedPorts: Object.keys(ports), publishAll: false },
    ports,
    resolver: { servers: [] },
  };
}
