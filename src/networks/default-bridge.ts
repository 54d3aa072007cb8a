import type { RouteSocket } from '#linux/rtnetlink';
import { fail } from '#std/errors';
import { log } from '#std/log';
import { addressText, overlaps, parsePrefix, prefixText, readAddress } from './addresses/ip.ts';
import { type Ipam, rangesInUse } from './addresses/ipam.ts';
import type { NetworkCatalog } from './catalog.ts';
import { findLink } from './drivers/bridge/device.ts';
import type { BridgeDriver } from './drivers/bridge/driver.ts';
import { SubnetTaken } from './drivers/driver.ts';
import type { NetworkRecord, PoolRecord } from './record.ts';

/** What the engine's settings say of the default bridge. */
export interface DefaultBridgeSettings {
  readonly name?: string;
  /** With a host part it names the gateway's address too: `172.20.0.1/16`. */
  readonly subnet?: string;
  readonly mtu?: number;
}

interface Parts {
  readonly catalog: NetworkCatalog;
  readonly ipam: Ipam;
  readonly driver: BridgeDriver;
  readonly route: RouteSocket;
}

const prefix = 'com.docker.network.';
const attemptLimit = 20;

function optionsOf({ name, mtu = 1500 }: DefaultBridgeSettings, device: string | undefined): Record<string, string> {
  const shown = device ?? name;
  return {
    [`${prefix}bridge.default_bridge`]: 'true',
    [`${prefix}bridge.enable_icc`]: 'true',
    [`${prefix}bridge.enable_ip_masquerade`]: 'true',
    [`${prefix}bridge.host_binding_ipv4`]: '0.0.0.0',
    ...(shown !== undefined && { [`${prefix}bridge.name`]: shown }),
    [`${prefix}driver.mtu`]: String(mtu),
  };
}

function poolsFor(ipam: Ipam, { subnet: text }: DefaultBridgeSettings): PoolRecord[] {
  if (text === undefined) return ipam.plan([{ family: 4, hasGateway: true }]);
  const subnet = parsePrefix(text);
  const host = text.split('/')[0] ?? '';
  const isHost = readAddress(host)?.value !== subnet.base;
  const gateway = isHost ? host : addressText(4, subnet.base + 1n);
  return [{ subnet: prefixText(subnet), gateway, isAsked: true, isGatewayAsked: true }];
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
    const draft = { ...bare, options: optionsOf(settings, undefined), ipam: { ...network.ipam, pools } };
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

/** Brings back the bridge that the records name, or makes one; the record says then which. */
export async function openDefaultBridge(parts: Parts, settings: DefaultBridgeSettings): Promise<void> {
  const { catalog, ipam, driver } = parts;
  let network = catalog.byName('bridge');
  if (network.device !== undefined && isToBeHad(parts, network)) {
    const { mtu = Number(network.options[`${prefix}driver.mtu`] ?? 1500) } = settings;
    network = { ...network, options: optionsOf({ ...settings, mtu }, network.device.name) };
    await driver.restore(network);
  } else {
    if (network.device !== undefined) {
      const subnets = network.ipam.pools.map(({ subnet }) => subnet).join(' ');
      log('warn', 'the bridge of the last run is not to be had any more', { device: network.device.name, subnets });
    }
    network = await make(parts, network, settings);
  }
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
