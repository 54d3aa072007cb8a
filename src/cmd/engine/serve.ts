import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type ContainerPaths, containerPaths, containerUsage, openContainers } from '#containers';
import { openEvents } from '#events';
import { createApi } from '#http';
import { openImages, registryLogin } from '#images';
import { connectKeeper } from '#keeper';
import { removeCgroup } from '#linux/cgroups';
import { enterPrivateMounts, releasePrivateMounts } from '#linux/namespaces';
import { openNetworks } from '#networks';
import { messageOf, runAll } from '#std/errors';
import { configureLog, log } from '#std/log';
import { openRecords } from '#store';
import { openVolumes } from '#volumes';
import { selfCommand } from '../self.ts';
import { surviveFaults } from '../survive.ts';
import { claimRoots, disownExecRoot } from './roots.ts';
import { prepareRuntime, releaseRuntime } from './runtime.ts';
import type { EngineSettings } from './settings.ts';
import { systemInformation } from './system.ts';

const defaultExecRoot = '/run/estiba';

/** The cgroup below which this engine's containers are: each engine of a host has its own. */
function cgroupParentOf({ execRoot, cgroupParent }: EngineSettings): string {
  if (cgroupParent !== undefined) return cgroupParent;
  if (execRoot === defaultExecRoot) return 'estiba';
  return `estiba-${createHash('sha256').update(execRoot).digest('hex').slice(0, 12)}`;
}

/** The API gives root on this host to whoever reaches it: over TCP it is neither encrypted nor guarded. */
function warnOfOpenHosts(hosts: readonly string[]): void {
  for (const host of hosts.filter((address) => address.startsWith('tcp://'))) {
    log('warn', 'whoever reaches this address has root on this host', { host });
  }
}

/** Opens every feature over the roots, brings the last engine's leavings into order, and serves the API. */
async function open(settings: EngineSettings, paths: ContainerPaths, requestStop: (all: boolean) => void) {
  const { dataRoot, execRoot } = settings;
  const runtime = prepareRuntime(execRoot);
  const records = openRecords(join(dataRoot, 'records.db'));
  const events = openEvents(records);
  const usage = containerUsage(records);
  const keeper = await connectKeeper({ execRoot, command: [...selfCommand(), 'keeper', '--exec-root', execRoot] });
  const images = await openImages({ records, events, dataRoot, users: () => usage.images() });
  const volumes = await openVolumes({ records, events, dataRoot, users: () => usage.volumes() });
  const networks = await openNetworks({
    records,
    events,
    execRoot,
    bridge: {
      ...(settings.bridgeAddress !== undefined && { subnet: settings.bridgeAddress }),
      ...(settings.mtu !== undefined && { mtu: settings.mtu }),
    },
  });
  const opened = openContainers({
    records,
    events,
    images,
    networks,
    volumes,
    keeper,
    paths,
    dataRoot,
    runtime,
    logDefaults: settings.logOptions,
  });
  const live = await opened.recover();
  await networks.reconcile(live);
  await volumes.reconcile(live);
  await images.reconcile();
  const system = await systemInformation(settings, { records, events }, runtime, requestStop);
  const api = createApi({
    containers: opened.containers,
    images,
    networks,
    volumes,
    events,
    system,
    login: (credentials, signal) => registryLogin(credentials, { insecure: [], signal }),
  });
  const listeners = await Promise.all(settings.hosts.map((host) => api.listen(host)));
  // Not waited for: a start that hangs must not keep the engine from being stopped.
  opened.resume().catch((error: unknown) => log('error', 'not all was resumed', { error: messageOf(error) }));

  async function close(all: boolean): Promise<void> {
    await runAll([
      ...(all ? [() => opened.stopAll()] : []),
      ...listeners.map((listener) => () => listener.close()),
      () => opened.close(),
      () => images.settled(),
      ...(all ? [() => networks.close(), () => keeper.shutDown(), () => void removeCgroup(paths.cgroupParent)] : []),
      () => keeper.close(),
      () => records[Symbol.dispose](),
    ]);
  }
  return { close, keeperPid: keeper.pid };
}

/** Runs the engine until it is told to stop. Returns undefined: the process lives by its listeners. */
export async function serve(settings: EngineSettings): Promise<number | undefined> {
  configureLog({ level: settings.logLevel, format: settings.logFormat });
  const { dataRoot, execRoot } = settings;
  try {
    claimRoots(dataRoot, execRoot);
  } catch (error) {
    process.stderr.write(`estiba engine: ${messageOf(error)}\n`);
    return 1;
  }
  // Replaces this program by itself the first time, where the host's mounts have to be left; the claim is then renewed.
  enterPrivateMounts(execRoot);
  surviveFaults();
  warnOfOpenHosts(settings.hosts);
  const paths = containerPaths(dataRoot, execRoot, cgroupParentOf(settings));
  const stop = Promise.withResolvers<boolean>();
  process.once('SIGTERM', () => stop.resolve(false));
  process.once('SIGINT', () => stop.resolve(false));
  let engine: Awaited<ReturnType<typeof open>>;
  try {
    engine = await open(settings, paths, (all) => stop.resolve(all));
  } catch (error) {
    log('error', 'the engine could not start', { error: messageOf(error) });
    return 1;
  }
  if (settings.pidFile !== undefined) writeFileSync(settings.pidFile, `${process.pid}\n`);
  log('info', 'engine ready', {
    pid: process.pid,
    keeper: engine.keeperPid,
    data: dataRoot,
    hosts: settings.hosts.join(' '),
  });

  const all = await stop.promise;
  log('info', 'engine stops', { containers: all ? 'stopped' : 'go on' });
  let code = 0;
  try {
    await engine.close(all);
    if (all) {
      releaseRuntime(execRoot);
      disownExecRoot(execRoot);
      releasePrivateMounts(execRoot);
    }
  } catch (error) {
    log('error', 'the engine stopped, but not cleanly', { error: messageOf(error) });
    code = 1;
  }
  if (settings.pidFile !== undefined) rmSync(settings.pidFile, { force: true });
  log('info', 'engine stopped', { name: basename(dataRoot) });
  return code;
}
