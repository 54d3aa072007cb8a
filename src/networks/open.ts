import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Events } from '#events';
import { LinkRemover } from '#linux/link-removal';
import { Announcer } from '#linux/neighbours';
import { RouteSocket } from '#linux/rtnetlink';
import { defaultPluginDirectories } from '#plugins';
import { fail, messageOf, runAll } from '#std/errors';
import { Lock } from '#std/lock';
import { log } from '#std/log';
import type { Records } from '#store';
import { Ipam } from './addresses/ipam.ts';
import { RemoteIpam } from './addresses/remote-ipam.ts';
import { type AddressPool, predefinedPools, uniqueLocalPool } from './addresses/subnets.ts';
import { type NetworkCatalog, openCatalog } from './catalog.ts';
import { createChanges } from './create/changes.ts';
import { closeDefaultBridge, type DefaultBridgeSettings, openDefaultBridge } from './default-bridge.ts';
import { type BridgeDriver, createBridgeDriver } from './drivers/bridge/driver.ts';
import type { Driver } from './drivers/driver.ts';
import { createParentDriver } from './drivers/parent/driver.ts';
import { createRemoteDriver } from './drivers/remote/driver.ts';
import { createFirewall } from './firewall/firewall.ts';
import type { AcceptMark, FirewallState } from './firewall/state.ts';
import { createNames } from './names/index.ts';
import { defaultRemoteLimits, type RemoteLimits, RemotePlugins } from './plugins.ts';
import { PortAllocator } from './ports/allocator.ts';
import { ephemeralRange } from './ports/present.ts';
import { reconcile } from './reconcile.ts';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './record.ts';
import { createConnections } from './sandbox/connections.ts';
import { endpointFaults } from './sandbox/endpoint-check.ts';
import { NameKeeping } from './sandbox/name-keeping.ts';
import { presentSandbox } from './sandbox/present.ts';
import { Publishing, redirectionsIn } from './sandbox/publishing.ts';
import { createSandboxes, type SandboxParts } from './sandbox/sandboxes.ts';
import { traceBetween } from './trace/parties.ts';
import type { Networks } from './types.ts';
import { matchesFilters } from './view/filters.ts';
import { inspectNetwork } from './view/inspect.ts';

/** What the engine's settings say of networks. */
export interface NetworkSettings {
  readonly bridge: DefaultBridgeSettings;
  /** Where subnets come from that nobody names: of IPv4, of IPv6, or both. Docker's own for a family without any. */
  readonly addressPools: readonly AddressPool[];
  /** Options of new networks that do not say otherwise, by driver. */
  readonly driverOptions: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Packets that the administrator lets pass, whatever the engine's rules say. */
  readonly acceptMark?: AcceptMark;
}

/** What the feature is opened with. */
export interface NetworkOptions extends Partial<NetworkSettings> {
  readonly records: Records;
  readonly events: Events;
  /** Namespaces are pinned at `execRoot/netns`. */
  readonly execRoot: string;
  /** Where plugins make themselves known; Docker's directories by default. */
  readonly pluginDirectories?: readonly string[];
  readonly pluginLimits?: RemoteLimits;
  /** A container's name of this moment; without it, the one that it was started with. */
  readonly containerName?: (id: string) => string | undefined;
}

/** Overlay networks belong to a cluster. */
const noSwarm =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

function stateOf(catalog: NetworkCatalog, driver: BridgeDriver, acceptMark?: AcceptMark): FirewallState {
  return {
    ...(acceptMark !== undefined && { acceptMark }),
    bridges: [...catalog.networks.all()].flatMap((network) =>
      network.driver === 'bridge' ? (driver.rulesOf(network) ?? []) : [],
    ),
    redirections: [...catalog.sandboxes.all()].flatMap((sandbox) => redirectionsIn(catalog, sandbox)),
  };
}

/** Makes again what the drivers had made for the networks of users; what cannot be is told, and does not stop the engine. */
async function restoreNetworks(networks: Iterable<NetworkRecord>, driverOf: SandboxParts['driverOf']): Promise<void> {
  for (const network of networks) {
    try {
      await driverOf(network)?.restore(network);
    } catch (error) {
      log('error', 'a network is not to be had', { network: network.name, error: messageOf(error) });
    }
  }
}

/** Containers that live on find each other again at once; those that do not are taken out with the rest of them. */
function resumeNames(naming: NameKeeping, { sandboxes }: NetworkCatalog): void {
  for (const sandbox of sandboxes.all()) {
    if (!existsSync(sandbox.namespacePath)) continue;
    naming.start(sandbox).catch((error: unknown) => {
      if (sandboxes.get(sandbox.id) === undefined) return;
      log('error', 'a container has no name resolution', { container: sandbox.id, error: messageOf(error) });
    });
  }
}

/** Bodies for one container run one after the other. */
class Turns {
  readonly #locks = new Map<string, Lock>();

  async run<T>(id: string, body: () => Promise<T>): Promise<T> {
    const lock = this.#locks.get(id) ?? new Lock();
    this.#locks.set(id, lock);
    try {
      return await lock.run(body);
    } finally {
      if (!lock.isHeld && this.#locks.get(id) === lock) this.#locks.delete(id);
    }
  }
}

function poolsOf(asked: readonly AddressPool[], identity: string): AddressPool[] {
  const hasIpv6 = asked.some(({ base }) => base.includes(':'));
  const hasIpv4 = asked.some(({ base }) => !base.includes(':'));
  return [...(hasIpv4 ? [] : predefinedPools), ...asked, ...(hasIpv6 ? [] : [uniqueLocalPool(identity)])];
}

/**
 * Opens the networks of an engine: brings their devices up and writes its firewall table from the records. Needs root and
 * libnftables. Call `reconcile` before the first start.
 */
export async function openNetworks(options: NetworkOptions): Promise<Networks> {
  const { records, events } = options;
  const names = createNames();
  const directory = join(options.execRoot, 'netns');
  const catalog = openCatalog(records);
  // First of all, since the containers have been without it, and it goes on beside what follows.
  resumeNames(new NameKeeping({ catalog, names }), catalog);
  const route = new RouteSocket();
  const remover = new LinkRemover();
  const announcer = new Announcer();
  const bridge = createBridgeDriver({ route, remover, announcer }, catalog.tag, () => catalog.networks.all());
  const onParents = (['macvlan', 'ipvlan'] as const).map((kind) =>
    createParentDriver(kind, route, () => catalog.networks.all()),
  );
  const drivers = new Map<string, Driver>([bridge, ...onParents].map((driver) => [driver.name, driver]));
  const pluginDirectories = options.pluginDirectories ?? defaultPluginDirectories;
  const pluginLimits = options.pluginLimits ?? defaultRemoteLimits;
  const plugins = new RemotePlugins(pluginDirectories, 'NetworkDriver');
  const remote = (name: string): Driver => {
    const driver = createRemoteDriver(name, plugins, route, pluginLimits);
    drivers.set(name, driver);
    return driver;
  };
  const driverOf = ({ driver }: NetworkRecord): Driver | undefined =>
    driver === 'host' || driver === 'null' ? undefined : (drivers.get(driver) ?? remote(driver));
  const remoteIpam = new RemoteIpam(new RemotePlugins(pluginDirectories, 'IpamDriver'), pluginLimits);
  const ipam = new Ipam(route, poolsOf(options.addressPools ?? [], catalog.identity), remoteIpam);
  const users = [...catalog.networks.all()].filter(({ name, isConfigOnly }) => name !== 'bridge' && !isConfigOnly);
  for (const network of users) ipam.add(network);
  await openDefaultBridge({ catalog, ipam, driver: bridge, route }, options.bridge ?? {});
  await restoreNetworks(users, driverOf);
  for (const { endpoints } of catalog.sandboxes.all()) {
    for (const { networkId, ipv4, ipv6 } of endpoints) {
      for (const given of [ipv4, ipv6]) if (given !== undefined) ipam.take(networkId, given.address);
    }
  }
  // No two engines have a bridge of the same name, so none has the same table either.
  const table = catalog.byName('bridge').device?.name ?? '';
  const firewall = createFirewall(table, () => stateOf(catalog, bridge, options.acceptMark));
  firewall.rebuild();
  const ports = new PortAllocator(ephemeralRange());
  const publishing = new Publishing({ catalog, firewall, ports, driverOf });
  const awaited = new Set<EndpointRecord>();
  const parts: SandboxParts = { records, events, catalog, ipam, driverOf, publishing, names, directory, awaited };
  const sandboxes = createSandboxes(parts);
  const connections = createConnections(parts);
  const turns = new Turns();
  let isClosed = false;
  const nameOf = (sandbox: SandboxRecord) => options.containerName?.(sandbox.id) ?? sandbox.containerName;
  const present = (record: SandboxRecord) => presentSandbox(record, catalog);
  const rules = (network: NetworkRecord) => (network.driver === 'bridge' ? bridge.rulesOf(network) : undefined);

  const changes = createChanges({
    ...{
      records,
      events,
      catalog,
      ipam,
      isAwaited: (id: string) => [...awaited].some(({ networkId }) => networkId === id),
    },
    driverOptions: options.driverOptions ?? {},
    driverNamed(name) {
      if (name === 'overlay') throw fail('forbidden', noSwarm);
      const driver = drivers.get(name) ?? (plugins.has(name) ? remote(name) : undefined);
      if (driver === undefined) throw fail('not-found', `plugin "${name}" not found`);
      return driver;
    },
    opened(network) {
      const bridgeRules = rules(network);
      if (bridgeRules !== undefined) firewall.addBridge(bridgeRules);
      // Ahead of the first container, which else would wait for it.
      names.prepare();
    },
    closing(network) {
      const bridgeRules = rules(network);
      if (bridgeRules !== undefined) firewall.removeBridge(bridgeRules);
    },
    nameOf(id) {
      const sandbox = catalog.sandboxes.get(id);
      return sandbox === undefined ? id : nameOf(sandbox);
    },
  });

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    const { bridges } = stateOf(catalog, bridge);
    await runAll([
      ...[...catalog.sandboxes.all()].map(
        ({ id }) =>
          () =>
            sandboxes.remove(id),
      ),
      () => names.close(),
      () => {
        if (bridge.isOurs(catalog.byName('bridge'))) firewall.remove(bridges);
      },
      ...[...catalog.networks.all()].flatMap((network) =>
        network.name === 'bridge' || network.isConfigOnly ? [] : [() => driverOf(network)?.remove(network)],
      ),
      () => closeDefaultBridge({ catalog, driver: bridge }),
      () => route[Symbol.dispose](),
      () => remover[Symbol.dispose](),
      () => announcer[Symbol.dispose](),
      () => rmSync(directory, { recursive: true, force: true }),
    ]);
  }

  return {
    setUp: (request) => turns.run(request.containerId, async () => present(await sandboxes.create(request))),
    tearDown: (containerId) => turns.run(containerId, () => sandboxes.remove(containerId)),
    sandbox(containerId) {
      const record = catalog.sandboxes.get(containerId);
      return record && present(record);
    },
    connect: (id, endpoint) => turns.run(id, async () => present(await connections.connect(id, endpoint))),
    disconnect: (id, network) => turns.run(id, async () => present(await connections.disconnect(id, network))),
    rename: (id, name) => turns.run(id, async () => connections.rename(id, name)),
    reconcile: (live) => reconcile({ ...parts, sandboxes, route }, live),
    ...changes,
    find(name) {
      const network = catalog.find(name);
      return network && { id: network.id, name: network.name, driver: network.driver };
    },
    endpointFaults(name, asked) {
      const network = catalog.find(name);
      const hasNames = network === undefined || driverOf(network)?.hasNames(network) === true;
      return endpointFaults({ hasNames, network }, asked);
    },
    list(filters) {
      const members = catalog.members();
      return [...catalog.networks.all()]
        .map((network) => inspectNetwork(network, members.get(network.id) ?? [], nameOf))
        .filter((network) => matchesFilters(network, filters));
    },
    inspect(name) {
      const network = catalog.resolve(name);
      return inspectNetwork(network, catalog.endpointsIn(network.id), nameOf);
    },
    trace: (request) =>
      traceBetween({ catalog, route, state: () => stateOf(catalog, bridge, options.acceptMark) }, request),
    close,
  };
}
