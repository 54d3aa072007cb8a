import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '#linux/errno';
import { deleteNetworkNamespace } from '#linux/namespaces';
import { deleteLink, type Link, type RouteSocket, setLink } from '#linux/rtnetlink';
import { messageOf, runAll } from '#std/errors';
import { log } from '#std/log';
import type { DefaultBridge } from './bridge/default-bridge.ts';
import type { NetworkCatalog } from './catalog.ts';
import type { PortAllocator } from './ports/allocator.ts';
import type { SandboxRecord } from './record.ts';
import { restoreAttachment } from './sandbox/namespace.ts';
import { attachmentOf, type Sandboxes } from './sandbox/sandboxes.ts';

/** What is brought into order. */
export interface ReconcileParts {
  readonly catalog: NetworkCatalog;
  readonly sandboxes: Sandboxes;
  readonly bridge: DefaultBridge;
  readonly ports: PortAllocator;
  readonly route: RouteSocket;
  readonly directory: string;
}

/** Pins without a record: the engine was killed between making one and writing it down. */
function removeStrayNamespaces({ catalog, directory }: ReconcileParts): void {
  for (const name of readdirSync(directory)) {
    if (catalog.sandboxes.get(name) === undefined) deleteNetworkNamespace(join(directory, name));
  }
}

function removeStrayDevices({ catalog, bridge, route }: ReconcileParts, links: readonly Link[]): void {
  const known = new Set([...catalog.sandboxes.all()].map(({ attachment }) => attachment?.device));
  for (const { name } of links) {
    if (!bridge.isOwnDevice(name) || known.has(name)) continue;
    try {
      route.transact(deleteLink(name));
    } catch (error) {
      // Its namespace went a moment ago, and the kernel was faster.
      if (!hasCode(error, 'ENODEV')) throw error;
    }
  }
}

/** Puts a living container's device back on the bridge, or makes another when it is gone. */
function restoreDevice(
  { catalog, bridge, route }: ReconcileParts,
  record: SandboxRecord,
  link: Link | undefined,
): void {
  const { attachment } = record;
  if (attachment === undefined || link?.master === bridge.index()) return;
  if (link !== undefined) {
    route.transact(setLink({ index: link.index }, { master: bridge.index(), up: true }));
    return;
  }
  const wanted = attachmentOf(bridge.record(), bridge.index(), attachment);
  const deviceIndex = restoreAttachment(route, record.namespacePath, wanted);
  catalog.sandboxes.put({ ...record, attachment: { ...attachment, deviceIndex } });
}

/** Brings kernel and records together; what cannot be restored of a living container is told in the log. */
export async function reconcile(parts: ReconcileParts, live: ReadonlySet<string>): Promise<void> {
  const { catalog, sandboxes, bridge, ports, route } = parts;
  const dead = [...catalog.sandboxes.all()].filter(({ id }) => !live.has(id));
  await runAll([
    ...dead.map(
      ({ id }) =>
        () =>
          sandboxes.remove(id),
    ),
    () => removeStrayNamespaces(parts),
    () => removeStrayDevices(parts, route.links()),
  ]).catch((error: unknown) => {
    // They are tried again at the next start; the living must not wait for it.
    log('error', 'not all leavings of networks could be removed', { error: messageOf(error) });
  });
  const links = new Map(route.links().map((link) => [link.name, link]));
  for (const record of [...catalog.sandboxes.all()]) {
    const { attachment, published, id } = record;
    if (attachment === undefined) continue;
    try {
      restoreDevice(parts, record, links.get(attachment.device));
    } catch (error) {
      log('error', 'a container has lost its network', { container: id, error: messageOf(error) });
    }
    const target = { device: bridge.record().device, ipv4: attachment.address, owner: record.containerName };
    for (const { hostAddress, hostPort, protocol } of await ports.restore(published, target)) {
      log('warn', 'a published port is also in use by another process', {
        container: id,
        hostAddress,
        hostPort,
        protocol,
      });
    }
  }
}
