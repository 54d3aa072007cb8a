import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LogConfig } from '#api';
import type { Events } from '#events';
import type { Rootfs } from '#images';
import type { Keeper, LogTarget } from '#keeper';
import { hasCode } from '#linux/errno';
import type { Networks, Sandbox } from '#networks';
import { encodeOci, type OciSpec } from '#oci';
import { fail, messageOf } from '#std/errors';
import type { Volumes } from '#volumes';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import type { Release } from '../exit/release.ts';
import { initialHealth } from '../health/monitor.ts';
import { type LinkedContainer, linkedContainers } from '../links/links.ts';
import { logTarget } from '../logs/drivers.ts';
import { writeNetworkFiles } from '../networks/files.ts';
import { updateLinkedHosts } from '../networks/hosts.ts';
import { setUpNetwork } from '../networks/set-up.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, commandLine, type Life, withLife } from '../record.ts';
import { restartsAfterExit } from '../restart/policy.ts';
import { type Runtimes, startedBy } from '../runtimes.ts';
import { StartFailure, startFailure } from './failure.ts';
import { readyMountSources } from './mount-sources.ts';
import { joinedContainer } from './namespaces.ts';
import { releasePins } from './pins.ts';

/** What the specification of one start is made of, beside the record. */
export interface StartFacts {
  readonly rootfs: string;
  readonly sandbox: Sandbox | undefined;
  readonly links: readonly LinkedContainer[];
  /** What volumes and images show, by destination: a path on the host. */
  readonly mountSources: ReadonlyMap<string, string>;
}

/** The exit code of a start that failed for no reason that has one of its own. */
const unknownFailureCode = 128;

/** What a start touches. */
export interface LaunchParts {
  readonly catalog: Catalog;
  readonly events: Events;
  readonly rootfs: Rootfs;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly keeper: Keeper;
  readonly paths: ContainerPaths;
  readonly release: Release;
  readonly runtimes: Runtimes;
  /** Options of the json-file driver where a container names none. */
  readonly logDefaults: LogConfig['Config'];
  readonly buildSpec: (record: ContainerRecord, facts: StartFacts) => OciSpec;
  /** Called with the record that runs. */
  readonly onStarted: (record: ContainerRecord) => void;
}

/** The file by which programs tell that they run in a container. An image may bring it: that is left as it is. */
function markAsContainer(rootfs: string): void {
  try {
    writeFileSync(join(rootfs, '.dockerenv'), '', { flag: 'wx', mode: 0o755 });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

/**
 * What a start that failed makes of a life. A restart policy goes on, as it does after an exit; what a person asked for
 * in vain is over.
 */
function lifeAfterFailure(record: ContainerRecord, failure: Error): Partial<Life> {
  const { life } = record;
  const error = messageOf(failure);
  const own = failure instanceof StartFailure ? failure.exitCode : unknownFailureCode;
  // What cannot be told apart leaves the last exit code, which is Docker's way.
  const exitCode = own === unknownFailureCode && life.exitCode !== 0 ? life.exitCode : own;
  const failed: Partial<Life> = {
    exitCode,
    error,
    pid: 0,
    exitReason: { Cause: 'start-failure', By: 'engine', Message: error },
  };
  const isByPolicy = life.phase === 'restarting';
  if (isByPolicy && restartsAfterExit(withLife(record, failed))) return { ...failed, phase: 'restarting' };
  return { ...failed, phase: life.startedAtNs === '' ? 'created' : 'exited' };
}

/** Starts the main process of a container that does not run. The caller holds its lock. */
export type Launch = (record: ContainerRecord) => Promise<void>;

/** Makes the launch: rootfs, volumes, network, files and bundle in the engine, then one call to the keeper. */
export function createLaunch(parts: LaunchParts): Launch {
  const { catalog, events, rootfs, networks, keeper, paths } = parts;
  const addressOf = (id: string): string | undefined => networks.sandbox(id)?.endpoints.bridge?.IPAddress;

  /** Two steps at once: the network's kernel work and the files do not wait for each other. */
  async function prepare(record: ContainerRecord): Promise<string> {
    const mounted = rootfs.mount(record.id, { volatile: record.hostConfig.AutoRemove });
    if (record.life.startedAtNs === '') markAsContainer(mounted);
    const [network, sources] = await Promise.allSettled([
      setUpNetwork(record, networks),
      readyMountSources(record, parts),
    ]);
    // Both are at rest before anything is given back: a set-up that goes on would outlive its own release.
    if (network.status === 'rejected') throw network.reason;
    if (sources.status === 'rejected') throw sources.reason;
    const [sandbox, mountSources] = [network.value, sources.value];
    const links = linkedContainers(record, catalog, addressOf);
    writeNetworkFiles(record, { sandbox, links, networks, paths });
    const bundle = paths.bundle(record.id);
    mkdirSync(bundle, { recursive: true, mode: 0o700 });
    const spec = parts.buildSpec(record, { rootfs: mounted, sandbox, mountSources, links });
    writeFileSync(join(bundle, 'config.json'), encodeOci(spec));
    return bundle;
  }

  function startProcess(record: ContainerRecord, bundle: string): ReturnType<Keeper['start']> {
    const { id, config, hostConfig } = record;
    const log: LogTarget | undefined = logTarget(record, parts.logDefaults, paths);
    const [rows, columns] = hostConfig.ConsoleSize;
    return keeper.start({
      id,
      container: id,
      kind: 'init',
      ...startedBy(parts.runtimes.ofRecord(record)),
      runtimeRoot: paths.runtimeRoot,
      bundle,
      terminal: config.Tty,
      ...(rows > 0 && columns > 0 && { rows, columns }),
      openStdin: config.OpenStdin,
      stdinOnce: config.StdinOnce,
      ...(log !== undefined && { log }),
      spoolDirectory: paths.directory(id),
    });
  }

  async function giveUp(record: ContainerRecord, failure: Error): Promise<void> {
    await parts.release(record);
    await keeper.dismiss(record.id);
    const current = catalog.get(record.id);
    if (current === undefined) return;
    catalog.put(withLife(current, lifeAfterFailure(current, failure)));
  }

  /** Who joins another's network has its names too, as long as that one runs. */
  function withJoinedNames(record: ContainerRecord): ContainerRecord {
    const owner = joinedContainer(catalog, 'network', record.hostConfig.NetworkMode);
    if (owner === undefined) return record;
    const { Hostname, Domainname } = owner.config;
    const named: ContainerRecord = { ...record, config: { ...record.config, Hostname, Domainname } };
    catalog.put(named);
    return named;
  }

  return async (given) => {
    let bundle: string;
    let record = given;
    try {
      record = withJoinedNames(given);
      bundle = await prepare(record);
    } catch (error) {
      const failure = error instanceof Error ? error : fail('internal', messageOf(error));
      await giveUp(record, failure);
      throw failure;
    }
    try {
      const { pid, startedAtNs } = await startProcess(record, bundle);
      // The container has its mounts, in its own namespace.
      releasePins(paths.pins(record.id));
      const health = initialHealth(record);
      // As it is now: it may have been stopped by hand, or renamed, while it started.
      const current = catalog.get(record.id) ?? record;
      const { health: _last, ending: _ended, exitReason: _reason, ...life } = current.life;
      const running: ContainerRecord = {
        ...current,
        life: {
          ...life,
          phase: 'running',
          pid,
          startedAtNs,
          exitCode: 0,
          error: '',
          oomKilled: false,
          ...(health !== undefined && { health }),
        },
      };
      catalog.put(running);
      announce(events, running, 'start');
      const address = addressOf(record.id);
      if (address !== undefined) updateLinkedHosts(running, address, catalog, paths);
      parts.onStarted(running);
    } catch (error) {
      const failure = startFailure('container', commandLine(record).path, error);
      await giveUp(record, failure);
      throw failure;
    }
  };
}
