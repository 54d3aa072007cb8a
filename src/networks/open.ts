import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Events } from '#events';
import { RouteSocket } from '#linux/rtnetlink';
import { runAll } from '#std/errors';
import type { Records } from '#store';
import { type BridgeSettings, enableForwarding } from './bridge/bridge.ts';
import { openDefaultBridge } from './bridge/default-bridge.ts';
import { type NetworkCatalog, openCatalog } from './catalog.ts';
import { createFirewall } from './firewall/firewall.ts';
import { type BridgeRules, type FirewallState, redirectionsOf } from './firewall/state.ts';
import { PortAllocator } from './ports/allocator.ts';
import { ephemeralRange } from './ports/present.ts';
import { reconcile } from './reconcile.ts';
import type { BridgeRecord, SandboxRecord } from './record.ts';
import { createSandboxes } from './sandbox/sandboxes.ts';
import type { Networks, Sandbox } from './types.ts';
import { inspectNetwork, matchesFilters } from './view/inspect.ts';

/** What the feature is opened with. */
export interface NetworkOptions {
  readonly records: Records;
  readonly events: Events;
  /** Namespaces are pinned at `execRoot/netns`. */
  readonly execRoot: string;
  readonly bridge?: BridgeSettings;
  /** A container's name of this moment; without it, the one that it was started with. */
  readonly containerName?: (id: string) => string | undefined;
}

function rulesOf({ device, subnet, gateway }: BridgeRecord): BridgeRules {
  return { device, ipv4: { subnet, gateway, mode: 'nat' }, isInternal: false, icc: true, masquerade: true };
}

function stateOf(catalog: NetworkCatalog): FirewallState {
  const { device = '' } = catalog.byName('bridge').bridge ?? {};
  return {
    bridges: [...catalog.networks.all()].flatMap(({ bridge }) => (bridge === undefined ? [] : rulesOf(bridge))),
    redirections: [...catalog.sandboxes.all()].flatMap(({ attachment, published }) =>
      attachment === undefined ? [] : redirectionsOf(published, { device, ipv4: attachment.address }),
    ),
  };
}

function sandboxOf({ id, namespacePath, endpoints, ports }: SandboxRecord): Sandbox {
  return { containerId: id, namespacePath, endpoints, ports };
}

/**
 * Opens the networks of an engine: brings its bridge up and writes its firewall table from the records. Needs root and
 * libnftables. Call `reconcile` before the first start.
 */
export async function openNetworks(options: NetworkOptions): Promise<Networks> {
  const { records, events } = options;
  const directory = join(options.execRoot, 'netns');
  const catalog = openCatalog(records);
  const route = new RouteSocket();
  enableForwarding();
  const bridge = openDefaultBridge(route, catalog, options.bridge ?? {});
  for (const { attachment } of catalog.sandboxes.all()) {
    if (attachment !== undefined) bridge.addresses.take(attachment.address);
  }
  // No two engines have a bridge of the same name, so none has the same table either.
  const firewall = createFirewall(bridge.record().device, () => stateOf(catalog));
  firewall.rebuild();
  const ports = new PortAllocator(ephemeralRange());
  const sandboxes = createSandboxes({ records, events, catalog, bridge, firewall, ports, route, directory });
  let isClosed = false;
  const nameOf = (sandbox: SandboxRecord) => options.containerName?.(sandbox.id) ?? sandbox.containerName;

  return {
    setUp: async (request) => sandboxOf(await sandboxes.create(request)),
    tearDown: (containerId) => sandboxes.remove(containerId),
    sandbox(containerId) {
      const record = catalog.sandboxes.get(containerId);
      return record && sandboxOf(record);
    },
    reconcile: (live) => reconcile({ catalog, sandboxes, bridge, ports, route, directory }, live),
    list: (filters) =>
      [...catalog.networks.all()]
        .map((network) => inspectNetwork(network, catalog.sandboxes.all(), nameOf))
        .filter((network) => matchesFilters(network, filters)),
    inspect: (name) => inspectNetwork(catalog.resolve(name), catalog.sandboxes.all(), nameOf),
    async close() {
      if (isClosed) return;
      isClosed = true;
      const { bridges } = stateOf(catalog);
      await runAll([
        ...[...catalog.sandboxes.all()].map(
          ({ id }) =>
            () =>
              sandboxes.remove(id),
        ),
        () => {
          if (bridge.isOurs()) firewall.remove(bridges);
        },
        () => bridge.remove(),
        () => route[Symbol.dispose](),
        () => rmSync(directory, { recursive: true, force: true }),
      ]);
    },
  };
}
