import type { EndpointSettings, PortBinding } from '#api';
import type { PortProtocol } from '#linux/port-reservation';
import type { NameResolver } from './names/index.ts';

/** The kernel's side of a network: what its driver has made. */
export interface DeviceRecord {
  /** Name of the device: the bridge, or the link that macvlan and ipvlan devices hang on. */
  readonly name: string;
  /** Whether the engine made the device, and removes it with the network. */
  readonly isOwn: boolean;
}

/** One subnet of a network. */
export interface PoolRecord {
  /** `172.18.0.0/16`, `fd00:1::/64`. */
  readonly subnet: string;
  /** Containers get addresses of this part of it only. */
  readonly range?: string;
  /** Absent where nobody has one: an `internal` macvlan, mode `isolated`. */
  readonly gateway?: string;
  /** Addresses that others have: name -> address. */
  readonly auxiliary?: Readonly<Record<string, string>>;
  /** Whether the subnet was asked for, or chosen from the address pools. */
  readonly isAsked: boolean;
  /** Whether the gateway was asked for. */
  readonly isGatewayAsked: boolean;
  /** What the IPAM plugin calls it that gave it. */
  readonly poolId?: string;
}

export interface IpamRecord {
  /** `default`, `null` or a plugin's name. */
  readonly driver: string;
  readonly options: Readonly<Record<string, string>> | null;
  readonly pools: readonly PoolRecord[];
}

/** A network. Collection `networks`. */
export interface NetworkRecord {
  readonly id: string;
  readonly name: string;
  /** `bridge`, `host`, `null`, `macvlan`, `ipvlan`, or a plugin's name. */
  readonly driver: string;
  /** RFC 3339. */
  readonly created: string;
  readonly enableIpv4: boolean;
  readonly enableIpv6: boolean;
  readonly isInternal: boolean;
  readonly isAttachable: boolean;
  readonly isConfigOnly: boolean;
  /** Name of the network whose configuration it has; empty for its own. */
  readonly configFrom: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly ipam: IpamRecord;
  /** Where the driver has made something in the kernel. */
  readonly device?: DeviceRecord;
}

/** What tells this engine's kernel objects from those of others on the same host. Collection `networks-owner`, one record. */
export interface OwnerRecord {
  readonly id: 'owner';
  /** Four hexadecimal digits in the names of veth devices, and in the alias of bridges. */
  readonly tag: string;
  /** What the engine's own range of IPv6 addresses follows from; absent in older records. */
  readonly identity?: string;
}

/** A port of the host that leads to one of a container. */
export interface PublishedPort {
  readonly protocol: PortProtocol;
  /** Address on the host: `0.0.0.0`, `127.0.0.1`, `::`, … */
  readonly hostAddress: string;
  /** 0 where no port of the host is taken: the container's own is opened (a routed network). */
  readonly hostPort: number;
  readonly containerPort: number;
}

/** An address given to an endpoint. */
export interface AddressRecord {
  readonly address: string;
  readonly prefixLength: number;
  /** The way out; absent where the network has none. */
  readonly gateway?: string;
}

/** A container's place in a network, and the device that it has there. */
export interface EndpointRecord {
  readonly networkId: string;
  readonly endpointId: string;
  /** Name of the device on the host; empty where there is none (`none`, macvlan). */
  readonly device: string;
  /** Index of the device on the host; 0 where there is none. */
  readonly deviceIndex: number;
  /** Name of the device inside; empty in `none`. */
  readonly interfaceName: string;
  readonly ipv4?: AddressRecord;
  readonly ipv6?: AddressRecord;
  readonly mac: string;
  /** What the container asked for. */
  readonly asked: Partial<EndpointSettings>;
  /** Names that others in the network find it by; none in networks without name resolution. */
  readonly names: readonly string[];
  /** Ports of the host that lead to this endpoint. */
  readonly published: readonly PublishedPort[];
}

/** Which ports a container wants published, wherever its gateway is. */
export interface PortWishes {
  readonly portBindings: Readonly<Record<string, readonly PortBinding[] | null>>;
  readonly exposedPorts: readonly string[];
  readonly publishAll: boolean;
}

/** A container's network namespace and all that belongs to it. Collection `sandboxes`; the id is the container's. */
export interface SandboxRecord {
  readonly id: string;
  readonly containerName: string;
  readonly hostname: string;
  readonly namespacePath: string;
  /** In the order in which they came. */
  readonly endpoints: readonly EndpointRecord[];
  readonly wishes: PortWishes;
  readonly ports: Readonly<Record<string, PortBinding[] | null>>;
  readonly resolver: NameResolver;
  /** No event tells of it. */
  readonly isUnannounced?: boolean;
}
