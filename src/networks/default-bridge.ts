import type { RouteSocket } from '#linux/rtnetlink';
import { fail } from '#std/errors';
import { log } from '#std/log';
import { type Family, familyOf, overlaps, parsePrefix, prefixText, readAddress } from './addresses/ip.ts';
import { type Ipam, type PoolRequest, rangesInUse } from './addresses/ipam.ts';
import type { NetworkCatalog } from './catalog.ts';
import { findLink } from './drivers/bridge/device.ts';
import type { BridgeDriver } from './drivers/bridge/driver.ts';
import { SubnetTaken } from './drivers/driver.ts';
import type { NetworkRecord, PoolRecord } from './record.ts';

/** What the engine's settings say of the default bridge. */
export interface DefaultBridgeSettings {
  /** Name of the device; the first free of `estiba0`, `estiba1`, … when not given. */
  readonly name?: string;
  /** With a host part it names the gateway's address too: `172.20.0.1/16`. */
  readonly subnet?: string;
  /** Containers get addresses of this part of the subnet, which it is itself where none is named. */
  readonly range?: string;
  readonly enableIpv6?: boolean;
  /** The same as `subnet` and `range`, of IPv6. */
  readonly subnetV6?: string;
  readonly rangeV6?: string;
  readonly mtu?: number;
  readonly icc?: boolean;
  readonly masquerade?: boolean;
  /** Address of the host for published ports that name none. */
  readonly hostAddress?: string;
}

interface Parts {
  readonly catalog: NetworkCatalog;
  readonly ipam: Ipam;
  readonly driver: BridgeDriver;
  readonly route: RouteSocket;
}

const prefix = 'com.docker.network.';
const attemptLimit = 20;

function optionsOf(settings: DefaultBridgeSettings, device: string | undefined): Record<string, string> {
  const { name, mtu = 1500, icc = true, masquerade = true, hostAddress = '0.0.0.0' } = settings;
  const shown = device ?? name;
  return {
    [`${prefix}bridge.default_bridge`]: 'true',
    [`${prefix}bridge.enable_icc`]: String(icc),
    [`${prefix}bridge.enable_ip_masquerade`]: String(masquerade),
    [`${prefix}bridge.host_binding_ipv4`]: hostAddress,
    ...(shown !== undefined && { [`${prefix}bridge.name`]: shown }),
    [`${prefix}driver.mtu`]: String(mtu),
  };
}

/** What is asked for of a family: a bridge's address says subnet and gateway, a range alone is the subnet too. */
function poolRequest(family: Family, address: string | undefined, range: string | undefined): PoolRequest {
  const named = address ?? range;
  if (named === undefined) return { family, hasGateway: true };
  const subnet = parsePrefix(named);
  const host = address?.split('/')[0] ?? '';
  const isHost = address !== undefined && readAddress(host)?.value !== subnet.base;
  return {
    family,
    subnet: prefixText(subnet),
    ...(range !== undefined && { range: prefixText(parsePrefix(range)) }),
    ...(isHost && { gateway: host }),
    hasGateway: true,
  };
}

function poolRequests({ enableIpv6, subnet, range, subnetV6, rangeV6 }: DefaultBridgeSettings): PoolRequest[] {
  return [poolRequest(4, subnet, range), ...(enableIpv6 === true ? [poolRequest(6, subnetV6, rangeV6)] : [])];
}

/** The gateway of a subnet that is named is told, as Docker does for this one network. */
function poolsFor(ipam: Ipam, settings: DefaultBridgeSettings): PoolRecord[] {
  return ipam.plan(poolRequests(settings)).map((pool) => ({ ...pool, isGatewayAsked: true }));
}

/** Whether the subnets are those that the settings name. */
function isAsSaid({ enableIpv6, ipam }: NetworkRecord, settings: DefaultBridgeSettings): boolean {
  const requests = poolRequests(settings);
  if (enableIpv6 !== (settings.enableIpv6 ?? false) || ipam.pools.length !== requests.length) return false;
  return requests.every(({ family, subnet, range, gateway }) =>
    ipam.pools.some(
      (pool) =>
        familyOf(pool.subnet) === family &&
        (subnet === undefined || pool.subnet === subnet) &&
        (gateway === undefined || pool.gateway === gateway) &&
        pool.range === range,
    ),
  );
}

/** Whether the bridge of the last run can be had as it was: nobody else has its name or has come to use its addresses. */
function isToBeHad({ driver, route }: Parts, network: NetworkRecord): boolean {
  if (!driver.isOurs(network)) return false;
  const present = findLink(route, network.device?.name ?? '');
  const used = rangesInUse(route, present?.index);
  return network.ipam.pools.every(({ subnet }) => !used.some((range) => overlaps(range, parsePrefix(subnet))));
}

async function make(parts: Parts, network: NetworkRecord, settings: DefaultBridgeSettings): Promise<NetworkRecord> {
  const { ipam, driver } = parts;
  const { device: _, ...bare } = network;
  for (let attempt = 1; attempt <= attemptLimit; attempt++) {
    const pools = poolsFor(ipam, settings);
    const options = optionsOf(settings, undefined);
    const { enableIpv6 = false } = settings;
    const draft = { ...bare, enableIpv6, options, ipam: { ...network.ipam, pools } };
    try {
      const device = await driver.open(draft);
      if (device === undefined) break;
      return { ...draft, device, options: optionsOf(settings, device.name) };
    } catch (error) {
      if (!(error instanceof SubnetTaken)) throw error;
    }
  }
  throw fail('exhausted', 'no subnet is to be had for the default bridge');
}

/** Keeps the bridge of the last run where it is to be had, and as the settings say or in use; undefined where it is not. */
async function keep(
  parts: Parts,
  network: NetworkRecord,
  settings: DefaultBridgeSettings,
): Promise<NetworkRecord | undefined> {
  const { catalog, driver } = parts;
  if (network.device === undefined) return undefined;
  const facts = { device: network.device.name, subnets: network.ipam.pools.map(({ subnet }) => subnet).join(' ') };
  if (!isToBeHad(parts, network)) {
    log('warn', 'the bridge of the last run is not to be had any more', facts);
    return undefined;
  }
  if (!isAsSaid(network, settings)) {
    if (catalog.endpointsIn(network.id).length === 0) {
      await driver.remove(network);
      return undefined;
    }
    log('warn', 'containers are on the default bridge: what the settings say of its subnets is for later', facts);
  }
  const kept = { ...network, options: optionsOf(settings, network.device.name) };
  await driver.restore(kept);
  return kept;
}

/** Brings back the bridge that the records name, or makes one; the record says then which. */
export async function openDefaultBridge(parts: Parts, settings: DefaultBridgeSettings): Promise<void> {
  const { catalog, ipam } = parts;
  const known = catalog.byName('bridge');
  const network = (await keep(parts, known, settings)) ?? (await make(parts, known, settings));
  catalog.networks.put(network);
  ipam.add(network);
}

/** Takes the default bridge away; its name and subnet are chosen anew the next time. */
export async function closeDefaultBridge({ catalog, driver }: Pick<Parts, 'catalog' | 'driver'>): Promise<void> {
  const network = catalog.byName('bridge');
  await driver.remove(network);
  const { device: _, ...bare } = network;
  catalog.networks.put({ ...bare, options: {}, ipam: { ...network.ipam, pools: [] } });
}
