import { hasCode } from '#linux/errno';
import type { NetlinkRequest } from '#linux/netlink';
import { addBridge, deleteLink, type RouteSocket, setLink } from '#linux/rtnetlink';
import { addIpvlan, addMacvlan, addVlan, type DerivedPlace } from '#linux/rtnetlink-derived';
import { fail } from '#std/errors';
import { newId, shortId } from '#std/identifiers';
import type { DeviceRecord, EndpointRecord, NetworkRecord } from '../../record.ts';
import { findLink } from '../bridge/device.ts';
import type { Driver, NetworkDraft, OpenNamespace, PluggedDevice } from '../driver.ts';
import { type ParentOptions, readParentOptions, readSubInterface } from './options.ts';

/** The kinds of devices that hang on an interface of the host. */
export type ParentKind = 'macvlan' | 'ipvlan';

/** First part of the name of an interface that a network has for itself. */
const ownPrefixes = { macvlan: 'dm', ipvlan: 'di' } as const;

/** How the kernel says that it has no such kind of device. */
const absentCodes = ['EOPNOTSUPP', 'ENOTSUP'];

function isAbsent(error: unknown): boolean {
  return absentCodes.some((code) => hasCode(error, code));
}

function deleteQuietly(route: RouteSocket, name: string): void {
  try {
    route.transact(deleteLink(name));
  } catch (error) {
    if (!hasCode(error, 'ENODEV')) throw error;
  }
}

/**
 * The macvlan and ipvlan drivers: containers are neighbours of the host on an interface of it, each with an address of
 * that wire. Nothing of them passes the host's firewall, and no port of the host leads to them.
 */
export function createParentDriver(
  kind: ParentKind,
  route: RouteSocket,
  networks: () => Iterable<NetworkRecord>,
): Driver {
  function request(
    place: DerivedPlace,
    { macvlan, ipvlan, flag }: ParentOptions,
    mac: string | undefined,
  ): NetlinkRequest {
    return kind === 'macvlan' ? addMacvlan(place, macvlan, mac) : addIpvlan(place, ipvlan, flag);
  }

  /** Two networks may share a parent, but none with one that passes all through. */
  function checkNeighbours(network: NetworkDraft, { parent, macvlan }: ParentOptions): void {
    if (kind !== 'macvlan' || parent === '') return;
    for (const other of networks()) {
      if (other.id === network.id || other.driver !== kind || other.options.parent !== parent) continue;
      if (macvlan === 'passthru') {
        const owner = `macvlan network ${other.id} is already using parent interface ${parent}`;
        throw fail('internal', `cannot use mode passthru, ${owner}`);
      }
      if (other.options.macvlan_mode === 'passthru') {
        throw fail(
          'internal',
          `macvlan network ${other.id} is already using parent interface ${parent} in mode passthru`,
        );
      }
    }
  }

  function check(network: NetworkDraft): void {
    const options = readParentOptions(network);
    if (options.parent === 'lo') {
      throw fail('internal', `loopback interface is not a valid ${kind} parent link`);
    }
    if (options.parent !== '' && findLink(route, options.parent) === undefined) readSubInterface(options.parent);
    checkNeighbours(network, options);
  }

  /** An interface that leads nowhere: a bridge without ports, which every kernel here has, in the place of a dummy. */
  function makeOwn(network: NetworkRecord): string {
    const name = `${ownPrefixes[kind]}-${shortId(network.id)}`;
    if (findLink(route, name) === undefined) route.transact(addBridge(name));
    route.transact(setLink({ name }, { up: true }));
    return name;
  }

  function makeSubInterface(name: string): void {
    const { parent, vlan } = readSubInterface(name);
    const link = findLink(route, parent);
    if (link === undefined) throw fail('internal', `failed to find master interface ${parent} on the Docker host`);
    try {
      route.transact(addVlan({ name, parent: link.index }, vlan));
    } catch (error) {
      const reason = isAbsent(error) ? 'this kernel has no VLAN devices (8021q)' : String(error);
      throw fail(
        isAbsent(error) ? 'not-implemented' : 'internal',
        `failed to create ${name} vlan link: ${reason}`,
        error,
      );
    }
    route.transact(setLink({ name }, { up: true }));
  }

  /** Makes one and takes it away again: whether the kernel has the kind is known before a container needs it. */
  function tryDevice(parent: string, options: ParentOptions): void {
    const name = `est${newId().slice(0, 10)}`;
    try {
      route.transact(request({ name, parent: route.link(parent).index }, options, undefined));
    } catch (error) {
      if (isAbsent(error)) throw fail('not-implemented', `this kernel has no ${kind} devices`, error);
      throw fail('internal', `failed to create the ${kind} port: ${String(error)}`, error);
    }
    deleteQuietly(route, name);
  }

  function makeParent(network: NetworkRecord, { parent }: ParentOptions): DeviceRecord {
    if (parent === '') return { name: makeOwn(network), isOwn: true };
    if (findLink(route, parent) !== undefined) return { name: parent, isOwn: network.device?.isOwn ?? false };
    makeSubInterface(parent);
    return { name: parent, isOwn: true };
  }

  function open(network: NetworkRecord): DeviceRecord {
    const options = readParentOptions(network);
    const device = makeParent(network, options);
    try {
      tryDevice(device.name, options);
      return device;
    } catch (error) {
      if (device.isOwn) deleteQuietly(route, device.name);
      throw error;
    }
  }

  function plug(network: NetworkRecord, endpoint: EndpointRecord, namespace: OpenNamespace): PluggedDevice {
    const parent = network.device?.name ?? '';
    const place = { name: endpoint.interfaceName, parent: route.link(parent).index, namespace: namespace.descriptor };
    route.transact(request(place, readParentOptions(network), endpoint.mac));
    return { hostIndex: 0, insideIndex: namespace.route.link(endpoint.interfaceName).index };
  }

  return {
    name: kind,
    hasNames: () => true,
    wantsGateway: ({ isInternal }) => !isInternal,
    hasDefaultRoute: ({ isInternal }) => !isInternal,
    check,
    open,
    restore: (network) => void makeParent(network, readParentOptions(network)),
    remove({ device }) {
      if (device?.isOwn === true) deleteQuietly(route, device.name);
    },
    // No port of the host leads to them.
    publishing: () => undefined,
    interfacePrefix: () => 'eth',
    plug,
    // The device is inside with nothing of it on the host: it is there for as long as its namespace and its parent are.
    replug: () => true,
    silence: () => undefined,
    unplug: ({ interfaceName }, namespace) => deleteQuietly(namespace.route, interfaceName),
  };
}
