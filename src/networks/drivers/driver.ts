import type { RouteSocket } from '#linux/rtnetlink';
import type { Family } from '../addresses/ip.ts';
import type { PoolRequest } from '../addresses/ipam.ts';
import type { GatewayMode } from '../firewall/state.ts';
import type { DeviceRecord, EndpointRecord, NetworkRecord } from '../record.ts';

/** A network whose subnets are not chosen yet. */
export type NetworkDraft = Omit<NetworkRecord, 'ipam' | 'device'>;

/** A container's network namespace, open for devices to be put into it. */
export interface OpenNamespace {
  readonly path: string;
  readonly descriptor: number;
  /** Works inside of the namespace. */
  readonly route: RouteSocket;
}

/** A device that was put into a namespace: its index there, and of its other end on the host (0 where there is none). */
export interface PluggedDevice {
  readonly insideIndex: number;
  readonly hostIndex: number;
}

/** What a network says of published ports. */
export interface PublishingFacts {
  readonly modes: Readonly<Record<Family, GatewayMode>>;
  /** Address of the host for bindings that name none. */
  readonly defaultAddress?: string;
}

/** Somebody else on the host came to use a subnet that was chosen a moment ago: another one will do. */
export class SubnetTaken extends Error {}

/**
 * One way to connect containers. Calls are synchronous where nothing waits. Addresses and routes inside are the
 * sandbox's: a driver gives the device.
 */
export interface Driver {
  /** Name of `Driver` in the API. */
  readonly name: string;
  /** Whether names of containers are resolved in a network. */
  hasNames(network: NetworkRecord): boolean;
  /** Whether a network's subnets have a gateway. */
  wantsGateway(network: NetworkDraft, family: Family): boolean;
  /** Whether containers of a network get a default route over it. */
  hasDefaultRoute(network: NetworkRecord, family: Family): boolean;
  /** Refuses what it does not know or cannot do, in Docker's words, before anything is made. */
  check(network: NetworkDraft, pools: readonly PoolRequest[]): void;
  /** Makes the kernel's side of a new network; leaves nothing when it throws. Throws `SubnetTaken` where another may be tried. */
  open(network: NetworkRecord): Promise<DeviceRecord | undefined> | DeviceRecord | undefined;
  /** Makes that again where it is gone; called at each start of the engine, and when a device could not be made. */
  restore(network: NetworkRecord): void | Promise<void>;
  /** Takes the kernel's side away; nothing to do where there is none. */
  remove(network: NetworkRecord): void | Promise<void>;
  /** How ports of containers are published that have their way out here; undefined where they are not. */
  publishing(network: NetworkRecord): PublishingFacts | undefined;
  /** First part of the names that devices get inside. */
  interfacePrefix(network: NetworkRecord): string;
  /** Puts a device called `endpoint.interfaceName` into a namespace, down and without addresses. */
  plug(
    network: NetworkRecord,
    endpoint: EndpointRecord,
    namespace: OpenNamespace,
  ): PluggedDevice | Promise<PluggedDevice>;
  /** Looks after a device whose end on the host is there but may be in the wrong place; false when it is not to be had. */
  replug(network: NetworkRecord, endpoint: EndpointRecord): boolean;
  /**
   * An endpoint is over: its device must not send or receive any more, at once, as its address may get a new owner. No
   * error when it is gone.
   */
  silence(endpoint: EndpointRecord): void | Promise<void>;
  /** Takes a device out of a namespace that goes on. */
  unplug(endpoint: EndpointRecord, namespace: OpenNamespace): void | Promise<void>;
}
