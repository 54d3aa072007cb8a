import type { EndpointSettings, PortBinding } from '#api';
import type { PortProtocol } from '#linux/port-reservation';

/** The kernel's side of a bridge network. */
export interface BridgeRecord {
  /** Name of the bridge device. */
  readonly device: string;
  readonly subnet: string;
  readonly gateway: string;
  readonly mtu: number;
}

/** A network. Collection `networks`. */
export interface NetworkRecord {
  readonly id: string;
  readonly name: string;
  readonly driver: 'bridge' | 'host' | 'null';
  /** RFC 3339. */
  readonly created: string;
  /** Of a bridge network, from its first use until `close`. */
  readonly bridge?: BridgeRecord;
}

/** What tells this engine's kernel objects from those of others on the same host. Collection `networks-owner`, one record. */
export interface OwnerRecord {
  readonly id: 'owner';
  /** Four hexadecimal digits in the names of veth devices, and in the alias of bridges. */
  readonly tag: string;
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

/** The end of a veth pair, and the address that it leads to. */
export interface AttachmentRecord {
  readonly networkId: string;
  /** Name of the device on the host. */
  readonly device: string;
  readonly deviceIndex: number;
  readonly address: string;
  readonly mac: string;
  /** Name of the device inside; `eth0` when not given. */
  readonly interfaceName?: string;
  readonly linkLocalAddresses?: readonly string[];
}

/** A container's network namespace and all that belongs to it. Collection `sandboxes`; the id is the container's. */
export interface SandboxRecord {
  readonly id: string;
  readonly containerName: string;
  readonly namespacePath: string;
  readonly attachment?: AttachmentRecord;
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  readonly ports: Readonly<Record<string, PortBinding[] | null>>;
  readonly published: readonly PublishedPort[];
}
