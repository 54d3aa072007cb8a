import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hasCode } from '#linux/errno';
import {
  addAddress,
  addBridge,
  deleteAddress,
  deleteLink,
  type Link,
  type RouteSocket,
  setLink,
} from '#linux/rtnetlink';
import { fail } from '#std/errors';
import { contains, parsePrefix } from '../../addresses/ip.ts';
import { macOf } from '../../addresses/mac.ts';
import { advertisedDevices } from './advertised.ts';

/** A bridge as it should be. */
export interface BridgeDevice {
  readonly name: string;
  readonly mtu: number;
  /** Addresses of the host on it: `172.18.0.1/16`. */
  readonly addresses: readonly string[];
  /** Says which engine it belongs to; undefined for a bridge that a user made. */
  readonly tag?: string;
}

const deviceLimit = 1000;

/** What the bridges of the engine with that tag have as their alias. */
export function aliasOf(tag: string): string {
  return `estiba ${tag}`;
}

/** The link of that name, if there is one. */
export function findLink(route: RouteSocket, name: string): Link | undefined {
  try {
    return route.link(name);
  } catch (error) {
    // A name that is too long is nobody's.
    if (hasCode(error, 'ENODEV') || hasCode(error, 'ERANGE')) return undefined;
    throw error;
  }
}

/** Whether no other engine has a device of that name. */
export function isOurs(route: RouteSocket, name: string, tag: string): boolean {
  const alias = findLink(route, name)?.alias ?? '';
  return alias === '' || alias === aliasOf(tag);
}

/** Makes a bridge that says whose it is from its first moment on. EEXIST when the name is taken. */
export function makeBridge(route: RouteSocket, name: string, mtu: number, tag: string): void {
  try {
    // One system call: nobody who is killed leaves a bridge without an owner.
    route.transact(addBridge(name, { mtu }), setLink({ name }, { alias: aliasOf(tag) }));
  } catch (error) {
    if (hasCode(error, 'EEXIST')) throw error;
    const reason = hasCode(error, 'ERANGE') ? 'numerical result out of range' : 'invalid argument';
    throw fail('internal', reason, error);
  }
}

/** Makes a bridge under the first free name: engines that start at the same moment get different ones. */
export function makeNumberedBridge(route: RouteSocket, mtu: number, tag: string): string {
  for (let number = 0; number < deviceLimit; number++) {
    const name = `estiba${number}`;
    if (findLink(route, name) !== undefined) continue;
    try {
      makeBridge(route, name, mtu, tag);
      return name;
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  }
  throw fail('exhausted', 'no name is left for a bridge');
}

function setSetting(path: string, value: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
}

function addMissing(route: RouteSocket, index: number, address: string, prefixLength: number): void {
  try {
    route.transact(addAddress(index, address, prefixLength));
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

/** Gives a bridge its addresses and settings, and brings it up. What others have given it beside stays. */
export function bringUp(route: RouteSocket, { name, mtu, addresses, tag }: BridgeDevice): void {
  const { index } = route.link(name);
  const [first] = addresses;
  const mac = first === undefined ? undefined : macOf(first.split('/')[0] ?? '');
  const hasIpv6 = addresses.some((address) => address.includes(':'));
  // A container that plays a router must not become the host's way to the world.
  setSetting(`/proc/sys/net/ipv6/conf/${name}/accept_ra`, '0');
  setSetting(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, hasIpv6 ? '0' : '1');
  // Without a MAC of its own a bridge takes the lowest of its ports: the gateway's would change with every container.
  const own = tag === undefined ? {} : { mtu, alias: aliasOf(tag), ...(mac !== undefined && { mac }) };
  route.transact(setLink({ index }, { up: true, ...own }));
  for (const address of addresses) {
    const [host = '', length = ''] = address.split('/');
    addMissing(route, index, host, Number(length));
  }
  // A connection to 127.0.0.1 that is redirected to a container keeps its source until it is masqueraded on the way out.
  writeFileSync(`/proc/sys/net/ipv4/conf/${name}/route_localnet`, '1');
}

/** Takes the engine's addresses from a bridge that a user made. */
export function giveBack(route: RouteSocket, { name, addresses }: BridgeDevice): void {
  const link = findLink(route, name);
  if (link === undefined) return;
  for (const address of addresses) {
    const [host = '', length = ''] = address.split('/');
    try {
      route.transact(deleteAddress(link.index, host, Number(length)));
    } catch (error) {
      if (!hasCode(error, 'EADDRNOTAVAIL')) throw error;
    }
  }
}

/** Deletes a bridge; no error when there is none. */
export function deleteBridge(route: RouteSocket, name: string): void {
  try {
    route.transact(deleteLink(name));
  } catch (error) {
    if (!hasCode(error, 'ENODEV')) throw error;
  }
}

/**
 * Whether a link older than the bridge `name` has an address in one of the subnets: another engine chose the same at the
 * same moment, and was first.
 */
export function cameSecond(route: RouteSocket, name: string, subnets: readonly string[]): boolean {
  const { index } = route.link(name);
  const wanted = subnets.map(parsePrefix);
  return route
    .addresses()
    .some(({ address, linkIndex }) => linkIndex < index && wanted.some((subnet) => contains(subnet, address)));
}

/**
 * A host that passes packets on heeds no router's advertisements, unless it is told to: the interface that it has its way to the
 * world from goes on to. No others: a container must not be able to advertise itself.
 */
function keepAdvertisedRoutes(): void {
  for (const device of advertisedDevices(readFileSync('/proc/thread-self/net/ipv6_route', 'utf8'))) {
    const path = `/proc/sys/net/ipv6/conf/${device}/accept_ra`;
    if (existsSync(path) && readFileSync(path, 'utf8').trim() === '1') setSetting(path, '2');
  }
}

/** Lets the host pass packets on between its interfaces, as Docker does. */
export function enableForwarding(families: readonly (4 | 6)[]): void {
  if (families.includes(4)) setSetting('/proc/sys/net/ipv4/ip_forward', '1');
  if (!families.includes(6)) return;
  const all = '/proc/sys/net/ipv6/conf/all/forwarding';
  if (existsSync(all) && readFileSync(all, 'utf8').trim() === '0') keepAdvertisedRoutes();
  setSetting('/proc/sys/net/ipv6/conf/default/forwarding', '1');
  setSetting('/proc/sys/net/ipv6/conf/all/forwarding', '1');
}
