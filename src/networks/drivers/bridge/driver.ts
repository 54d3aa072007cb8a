import { DeviceList } from '#linux/device-list';
import { hasCode } from '#linux/errno';
import type { LinkRemover } from '#linux/link-removal';
import { inNetworkNamespace } from '#linux/namespaces';
import { type Announcer, setNeighbour } from '#linux/neighbours';
import {
  addVeth,
  disablePort,
  enableHairpin,
  isolatePort,
  type RouteSocket,
  replaceForwarding,
  setLink,
} from '#linux/rtnetlink';
import { fail, messageOf } from '#std/errors';
import { shortId } from '#std/identifiers';
import { log } from '#std/log';
import { areBridgedPacketsRuled } from '../../firewall/bridged.ts';
import type { BridgeRules } from '../../firewall/state.ts';
import type { DeviceRecord, EndpointRecord, NetworkRecord } from '../../record.ts';
import { type Driver, type NetworkDraft, type OpenNamespace, type PluggedDevice, SubnetTaken } from '../driver.ts';
import {
  type BridgeDevice,
  bringUp,
  cameSecond,
  deleteBridge,
  enableForwarding,
  findLink,
  giveBack,
  isOurs,
  makeBridge,
  makeNumberedBridge,
} from './device.ts';
import { type BridgeOptions, readBridgeOptions } from './options.ts';
import { familiesOf, poolOf, rulesOf } from './rules.ts';

/** How the kernel says that a port is no port, or not there any more. */
const goneCodes = ['ENODEV', 'EINVAL', 'EOPNOTSUPP', 'ENETDOWN'];

/** What reaches the kernel. */
export interface BridgeTools {
  readonly route: RouteSocket;
  readonly remover: LinkRemover;
  readonly announcer: Announcer;
}

/** What the bridge driver has beside what all drivers have. */
export interface BridgeDriver extends Driver {
  /** What the firewall has to know of a network; undefined before it is open. */
  rulesOf(network: NetworkRecord): BridgeRules | undefined;
  /** Whether no other engine has the device of a network. */
  isOurs(network: NetworkRecord): boolean;
}

/** The addresses of the host on a bridge. */
function bridgeAddresses(network: NetworkRecord, options: BridgeOptions): string[] {
  return familiesOf(network).flatMap((family) => {
    const pool = poolOf(network, family);
    const isLeftOut = options.modes[family] === 'isolated' || (family === 4 && options.inhibitIpv4);
    if (pool?.gateway === undefined || isLeftOut) return [];
    return [`${pool.gateway}/${pool.subnet.split('/')[1]}`];
  });
}

function nameOf(network: NetworkRecord, options: BridgeOptions): string {
  return network.device?.name ?? options.device ?? `br-${shortId(network.id)}`;
}

function checkModes(network: NetworkDraft, options: BridgeOptions): void {
  for (const family of familiesOf(network)) {
    if (options.modes[family] === 'isolated' && !network.isInternal) {
      throw fail('internal', "gateway mode 'isolated' can only be used for an internal network");
    }
  }
}

/**
 * Neighbours that have spoken to the former owner of an address remember its MAC address: they, and the host, are told
 * before the new owner is up, which would wonder who speaks in its name.
 */
function announce({ route, announcer }: BridgeTools, bridge: number, { ipv4, ipv6, mac }: EndpointRecord): void {
  for (const given of [ipv4, ipv6]) {
    if (given === undefined) continue;
    try {
      route.transact(setNeighbour(bridge, given.address, mac));
      announcer.announce(bridge, given.address, mac);
    } catch (error) {
      log('debug', 'an address could not be announced', { address: given.address, error: messageOf(error) });
    }
  }
}

/** The bridge driver: a bridge of the kernel for each network, and a pair of veth devices for each endpoint. */
export function createBridgeDriver(
  tools: BridgeTools,
  tag: string,
  networks: () => Iterable<NetworkRecord>,
): BridgeDriver {
  const { route, remover } = tools;
  const indexes = new Map<string, number>();
  /** Endpoints whose devices were made by this process. */
  const plugged = new Set<string>();

  function wanted(network: NetworkRecord, options = readBridgeOptions(network)): BridgeDevice {
    const addresses = bridgeAddresses(network, options);
    const isOwn = network.device?.isOwn === true;
    return { name: nameOf(network, options), mtu: options.mtu, addresses, ...(isOwn && { tag }) };
  }

  function checkName(network: NetworkDraft, { device }: BridgeOptions): void {
    if (device === undefined) return;
    for (const other of networks()) {
      if (other.id === network.id || other.device?.name !== device) continue;
      const both = [`network ${network.id} (${device})`, `network ${other.id} (${device})`];
      throw fail('forbidden', `cannot create ${both[0]}: conflicts with ${both[1]}: networks have same bridge name`);
    }
  }

  /** Makes the device where there is none; a bridge that a user made serves as it is. */
  function makeDevice(network: NetworkRecord, options: BridgeOptions): DeviceRecord {
    if (options.isDefault && options.device === undefined && network.device === undefined) {
      return { name: makeNumberedBridge(route, options.mtu, tag), isOwn: true };
    }
    const name = nameOf(network, options);
    const present = findLink(route, name);
    if (present === undefined) {
      makeBridge(route, name, options.mtu, tag);
      return { name, isOwn: true };
    }
    if (present.kind !== 'bridge') throw fail('internal', `existing interface ${name} is not a bridge`);
    if (!isOurs(route, name, tag)) throw fail('conflict', `bridge ${name} belongs to another engine`);
    return { name, isOwn: network.device?.isOwn ?? false };
  }

  function open(network: NetworkRecord): DeviceRecord {
    const options = readBridgeOptions(network);
    enableForwarding(familiesOf(network));
    const device = makeDevice(network, options);
    const opened = { ...network, device };
    try {
      bringUp(route, wanted(opened, options));
      const chosen = network.ipam.pools.filter(({ isAsked }) => !isAsked).map(({ subnet }) => subnet);
      if (device.isOwn && chosen.length > 0 && cameSecond(route, device.name, chosen)) throw new SubnetTaken();
      indexes.set(network.id, route.link(device.name).index);
      return device;
    } catch (error) {
      if (device.isOwn) deleteBridge(route, device.name);
      else giveBack(route, wanted(opened));
      throw error;
    }
  }

  function restore(network: NetworkRecord): void {
    const options = readBridgeOptions(network);
    enableForwarding(familiesOf(network));
    const { name } = makeDevice(network, options);
    bringUp(route, wanted(network, options));
    indexes.set(network.id, route.link(name).index);
  }

  async function remove(network: NetworkRecord): Promise<void> {
    indexes.delete(network.id);
    const { device } = network;
    if (device === undefined || !isOurs(route, device.name, tag)) return;
    if (device.isOwn) {
      using present = new DeviceList();
      await remover.remove(device.name, () => present.has(device.name));
    } else giveBack(route, wanted(network));
  }

  function indexOf(network: NetworkRecord): number {
    const known = indexes.get(network.id);
    if (known !== undefined) return known;
    const { index } = route.link(nameOf(network, readBridgeOptions(network)));
    indexes.set(network.id, index);
    return index;
  }

  function makeVeth(network: NetworkRecord, endpoint: EndpointRecord, namespace: OpenNamespace): void {
    const { device, interfaceName, mac } = endpoint;
    const { mtu } = readBridgeOptions(network);
    const peer = { namespace: namespace.descriptor, name: interfaceName, mac };
    const attempt = (): void => {
      route.transact(addVeth({ name: device, master: indexOf(network), mtu, peer }));
    };
    try {
      attempt();
    } catch (error) {
      if (hasCode(error, 'EXFULL')) {
        const words = `network ${network.name} is full: a bridge of the kernel has 1023 ports at most`;
        throw fail('internal', words, error);
      }
      // Somebody has deleted the bridge under us.
      if (!hasCode(error, 'ENODEV') && !hasCode(error, 'EINVAL')) throw error;
      restore(network);
      attempt();
    }
  }

  function plug(network: NetworkRecord, endpoint: EndpointRecord, namespace: OpenNamespace): PluggedDevice {
    makeVeth(network, endpoint, namespace);
    const link = route.link(endpoint.device);
    const isolation = readBridgeOptions(network).icc || areBridgedPacketsRuled() ? [] : [isolatePort(link.index)];
    route.transact(replaceForwarding(link.index, endpoint.mac), enableHairpin(link.index), ...isolation);
    announce(tools, indexOf(network), endpoint);
    plugged.add(endpoint.endpointId);
    return { hostIndex: link.index, insideIndex: link.peer };
  }

  return {
    name: 'bridge',
    hasNames: (network) => !readBridgeOptions(network).isDefault,
    wantsGateway: (network, family) => readBridgeOptions(network).modes[family] !== 'isolated',
    hasDefaultRoute: (network, family) =>
      !network.isInternal && readBridgeOptions(network).modes[family] !== 'isolated',
    check(network, pools) {
      const options = readBridgeOptions(network);
      if (pools.length > familiesOf(network).length) {
        throw fail('forbidden', "bridge driver doesn't support multiple subnets");
      }
      checkModes(network, options);
      checkName(network, options);
    },
    open,
    restore,
    remove,
    publishing(network) {
      const { modes, hostBinding } = readBridgeOptions(network);
      return { modes, ...(hostBinding !== undefined && { defaultAddress: hostBinding }) };
    },
    interfacePrefix: (network) => readBridgeOptions(network).interfacePrefix,
    plug,
    replug(network, { device }) {
      const link = findLink(route, device);
      if (link === undefined) return false;
      const master = indexOf(network);
      if (link.master !== master) route.transact(setLink({ index: link.index }, { master, up: true }));
      return true;
    },
    silence({ endpointId, device, deviceIndex }) {
      // An index of the records may be another device's since: the host was started anew.
      const index = plugged.delete(endpointId) ? deviceIndex : findLink(route, device)?.index;
      if (index === undefined) return;
      try {
        route.transact(disablePort(index));
      } catch (error) {
        if (!goneCodes.some((code) => hasCode(error, code))) throw error;
      }
    },
    async unplug({ device, interfaceName }, { path }) {
      using inside = inNetworkNamespace(path, () => new DeviceList());
      await remover.remove(device, () => inside.has(interfaceName));
    },
    rulesOf,
    isOurs: ({ device }) => device === undefined || isOurs(route, device.name, tag),
  };
}
