import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '#linux/errno';
import { deleteNetworkNamespace } from '#linux/namespaces';
import { deleteLink, type Link, type RouteSocket } from '#linux/rtnetlink';
import { messageOf, runAll } from '#std/errors';
import { log } from '#std/log';
import { aliasOf } from './drivers/bridge/device.ts';
import type { SandboxRecord } from './record.ts';
import { repairSandbox } from './sandbox/repair.ts';
import type { Sandboxes, SandboxParts } from './sandbox/sandboxes.ts';

/** What is brought into order. */
export interface ReconcileParts extends SandboxParts {
  readonly sandboxes: Sandboxes;
  readonly route: RouteSocket;
}

/** Pins without a record: the engine was killed between making one and writing it down. */
function removeStrayNamespaces({ catalog, directory }: ReconcileParts): void {
  for (const name of readdirSync(directory)) {
    if (catalog.sandboxes.get(name) === undefined) deleteNetworkNamespace(join(directory, name));
  }
}

/** The same of devices: ends of veth pairs, and bridges. */
function removeStrayDevices({ catalog, route }: ReconcileParts, links: readonly Link[]): void {
  const known = new Set([
    ...[...catalog.sandboxes.all()].flatMap(({ endpoints }) => endpoints.map(({ device }) => device)),
    ...[...catalog.networks.all()].flatMap(({ device }) => device?.name ?? []),
  ]);
  for (const { name, kind, alias } of links) {
    const isOwn = name.startsWith(catalog.devicePrefix) || (kind === 'bridge' && alias === aliasOf(catalog.tag));
    if (!isOwn || known.has(name)) continue;
    try {
      route.transact(deleteLink(name));
    } catch (error) {
      // Its namespace went a moment ago, and the kernel was faster.
      if (!hasCode(error, 'ENODEV')) throw error;
    }
  }
}

async function restoreLiving(parts: ReconcileParts, record: SandboxRecord): Promise<void> {
  try {
    await repairSandbox(parts, record);
  } catch (error) {
    log('error', 'a container has lost its network', { container: record.id, error: messageOf(error) });
  }
  for (const { hostAddress, hostPort, protocol } of await parts.publishing.hold(record)) {
    const container = record.id;
    log('warn', 'a published port is also in use by another process', { container, hostAddress, hostPort, protocol });
  }
}

/** Brings kernel and records together; what cannot be restored of a living container is told in the log. */
export async function reconcile(parts: ReconcileParts, live: ReadonlySet<string>): Promise<void> {
  const { catalog, sandboxes, route } = parts;
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
  for (const record of [...catalog.sandboxes.all()]) await restoreLiving(parts, record);
}
