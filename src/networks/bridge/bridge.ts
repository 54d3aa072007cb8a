import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hasCode } from '#linux/errno';
import { addAddress, addBridge, deleteLink, type Link, type RouteSocket, setLink } from '#linux/rtnetlink';
import { fail } from '#std/errors';
import type { BridgeRecord } from '../record.ts';
import { addressText, defaultPools, macOf, overlaps, parseSubnet, type Subnet, subnetText } from './addresses.ts';

/** What the engine's settings say of the default bridge. */
export interface BridgeSettings {
  readonly name?: string;
  /** With a host part it names the gateway's address too: `172.20.0.1/16`. */
  readonly subnet?: string;
  readonly mtu?: number;
}

const defaultMtu = 1500;
const deviceLimit = 1000;

function aliasOf(tag: string): string {
  return `estiba ${tag}`;
}

/** Subnets of the host's addresses and routes, those of link `except` left out. */
function rangesInUse(route: RouteSocket, except = 0): Subnet[] {
  return [...route.addresses(), ...route.routes()]
    .filter(({ linkIndex }) => linkIndex !== except)
    .map(({ address, prefixLength }) => parseSubnet(`${address}/${prefixLength}`));
}

function chooseSubnet(route: RouteSocket): Subnet {
  const used = rangesInUse(route);
  for (const pool of defaultPools()) if (!used.some((range) => overlaps(range, pool))) return pool;
  throw fail('exhausted', 'all predefined address pools have been fully subnetted');
}

function makeDevice(route: RouteSocket, name: string | undefined, mtu: number): string {
  for (let number = 0; number < deviceLimit; number++) {
    const device = name ?? `estiba${number}`;
    try {
      route.transact(addBridge(device, { mtu }));
      return device;
    } catch (error) {
      // The kernel decides who gets a name: engines that start at the same moment get different ones.
      if (!hasCode(error, 'EEXIST')) throw error;
      if (name !== undefined) return name;
    }
  }
  throw fail('exhausted', 'no name is left for a bridge');
}

/** The address asked for in `settings.subnet`, else the first of the subnet. */
function gatewayOf(subnet: Subnet, asked: string | undefined): string {
  const [address] = asked?.split('/') ?? [];
  if (address !== undefined && address !== addressText(subnet.base)) return address;
  return addressText(subnet.base + 1);
}

/** Makes a bridge for an engine, choosing its name and subnet where the settings leave them open. */
export function createBridge(route: RouteSocket, settings: BridgeSettings, tag: string): BridgeRecord {
  const mtu = settings.mtu ?? defaultMtu;
  const device = makeDevice(route, settings.name, mtu);
  try {
    const subnet = settings.subnet === undefined ? chooseSubnet(route) : parseSubnet(settings.subnet);
    const record = { device, subnet: subnetText(subnet), gateway: gatewayOf(subnet, settings.subnet), mtu };
    bringUp(route, record, tag);
    const { index } = route.link(device);
    const earlier = route.addresses().filter(({ linkIndex }) => linkIndex < index);
    const isTaken = earlier.some(({ address, prefixLength }) =>
      overlaps(subnet, parseSubnet(`${address}/${prefixLength}`)),
    );
    // Another engine chose the same at the same moment, and its bridge is the older one.
    if (isTaken && settings.subnet === undefined) {
      route.transact(deleteLink(device));
      return createBridge(route, settings, tag);
    }
    return record;
  } catch (error) {
    if (settings.name === undefined) deleteBridge(route, device);
    throw error;
  }
}

function bringUp(route: RouteSocket, { device, subnet, gateway, mtu }: BridgeRecord, tag: string): void {
  const { index } = route.link(device);
  // Else a bridge takes the lowest address of its ports: the gateway's would change with every container.
  route.transact(setLink({ index }, { up: true, mtu, alias: aliasOf(tag), mac: macOf(gateway) }));
  try {
    route.transact(addAddress(index, gateway, parseSubnet(subnet).prefixLength));
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  // A connection to 127.0.0.1 that is redirected to a container keeps its source until it is masqueraded on the way out.
  writeFileSync(`/proc/sys/net/ipv4/conf/${device}/route_localnet`, '1');
}

/**
 * Brings a bridge of the records back. Returns false when that cannot be: another engine has a device of that name, or
 * the host has come to use its addresses otherwise.
 */
export function restoreBridge(route: RouteSocket, record: BridgeRecord, tag: string): boolean {
  const present = findLink(route, record.device);
  if (!isOurs(route, record.device, tag)) return false;
  if (rangesInUse(route, present?.index).some((range) => overlaps(range, parseSubnet(record.subnet)))) return false;
  if (present === undefined) makeDevice(route, record.device, record.mtu);
  bringUp(route, record, tag);
  return true;
}

/** The link of that name, if there is one. */
export function findLink(route: RouteSocket, name: string): Link | undefined {
  try {
    return route.link(name);
  } catch (error) {
    if (hasCode(error, 'ENODEV')) return undefined;
    throw error;
  }
}

/** Whether no other engine has a device of that name. */
export function isOurs(route: RouteSocket, device: string, tag: string): boolean {
  const alias = findLink(route, device)?.alias ?? '';
  return alias === '' || alias === aliasOf(tag);
}

/** Deletes a bridge; no error when there is none. */
export function deleteBridge(route: RouteSocket, device: string): void {
  try {
    route.transact(deleteLink(device));
  } catch (error) {
    if (!hasCode(error, 'ENODEV')) throw error;
  }
}

/** Lets the host pass packets on between its interfaces, as Docker does. */
export function enableForwarding(): void {
  const path = '/proc/sys/net/ipv4/ip_forward';
  if (existsSync(path) && readFileSync(path, 'utf8').trim() !== '1') writeFileSync(path, '1');
}
