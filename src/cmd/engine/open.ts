import { join } from 'node:path';
import { type ContainerPaths, containerUsage, openContainers } from '#containers';
import { openDistribution } from '#distribution';
import { openEvents } from '#events';
import { type Api, createApi, type Listener, parseHost, readTls } from '#http';
import { openImages } from '#images';
import { connectKeeper } from '#keeper';
import { removeCgroupSoon } from '#linux/cgroups';
import { openNetworks } from '#networks';
import { openPorter } from '#porter';
import { fail, messageOf, runAll } from '#std/errors';
import { log } from '#std/log';
import { openRecords } from '#store';
import { openVolumes } from '#volumes';
import { serveMetrics } from '../metrics.ts';
import { selfCommand } from '../self.ts';
import { programVersion } from '../version.ts';
import { createLazyBuilder } from './builder.ts';
import { openBuilds } from './builds.ts';
import { countEvents, engineMetrics } from './metrics.ts';
import { registrySettings } from './registries.ts';
import type { SettingsInForce } from './reload.ts';
import { installedRunc, prepareRuntime } from './runtime.ts';
import type { HandedSocket } from './service-manager.ts';
import type { EngineSettings } from './settings/read.ts';
import { stopAllInTime } from './stop-all.ts';
import { systemInformation } from './system.ts';

function handedFor(name: string, handed: readonly HandedSocket[]): readonly HandedSocket[] {
  const wanted = name === '' ? handed : handed.filter((socket) => socket.name === name);
  if (wanted.length === 0) throw fail('invalid-argument', `no sockets found: none was handed over for fd://${name}`);
  return wanted;
}

/** The API gives root on this host to whoever reaches it: over TCP it is neither encrypted nor guarded. */
function warnOfPlainTcp(host: string): void {
  log('warn', 'whoever reaches this address has root on this host; --tlsverify asks for a certificate', { host });
}

/** Serves the API at every host that the settings name. */
async function listenAll(
  api: Api,
  { hosts, tls, group }: EngineSettings,
  handed: readonly HandedSocket[],
): Promise<Listener[]> {
  const material = tls === undefined ? undefined : readTls(tls);
  const opening = hosts.flatMap((host) => {
    const place = parseHost(host);
    if (place.kind === 'descriptor') {
      return handedFor(place.name, handed).map(({ descriptor }) => api.listen(host, { descriptor }));
    }
    if (place.kind === 'tcp' && material === undefined) warnOfPlainTcp(host);
    return [api.listen(host, { group, ...(material !== undefined && { tls: material }) })];
  });
  const results = await Promise.allSettled(opening);
  const listeners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return listeners;
  await Promise.all(listeners.map((listener) => listener.close()));
  throw failed.reason;
}

/** What cannot be brought into order now is at the next start; an engine that does not start helps nobody. */
async function reconciled(what: string, reconcile: () => Promise<void>): Promise<void> {
  await reconcile().catch((error: unknown) => {
    log('error', `${what} are not all in order`, { error: messageOf(error) });
  });
}

/** Opens every feature over the roots, and brings the last engine's leavings into order. */
async function openFeatures(inForce: SettingsInForce, paths: ContainerPaths, runtime: string) {
  const { dataRoot, execRoot, networks: ofNetworks, logOptions, pluginDirectories } = inForce.current;
  const records = openRecords(join(dataRoot, 'records.db'));
  const events = countEvents(openEvents(records));
  const usage = containerUsage(records);
  const keeper = await connectKeeper({
    execRoot,
    edition: programVersion,
    command: [...selfCommand(), 'keeper', '--exec-root', execRoot, '--edition', programVersion],
  });
  const porter = openPorter({ execRoot, command: [...selfCommand(), 'porter'] });
  const distribution = openDistribution(() => registrySettings(inForce.current));
  const images = await openImages({
    records,
    events,
    distribution,
    dataRoot,
    users: () => usage.images(),
    concurrentDownloads: () => inForce.current.transfers.downloads,
    uploadsAtOnce: () => inForce.current.transfers.uploads,
    examinerCommand: [...selfCommand(), 'examiner'],
    gcPolicy: () => inForce.current.imageGc,
    unpackerCommand: [...selfCommand(), 'unpacker'],
  });
  const volumes = await openVolumes({
    records,
    events,
    dataRoot,
    users: () => usage.volumes(),
    ...(pluginDirectories.length > 0 && { pluginDirectories }),
    mountCommand: [...selfCommand(), 'volume-mount'],
  });
  const networks = await openNetworks({ records, events, execRoot, ...ofNetworks });
  const opened = openContainers({
    records,
    events,
    images,
    networks,
    volumes,
    keeper,
    porter,
    paths,
    dataRoot,
    runtime,
    runc: installedRunc(),
    runtimeSettings: () => inForce.current.runtimes,
    logDefaults: logOptions,
    defaults: () => inForce.current.containers,
  });
  const { cgroupParent } = paths;
  const building = createLazyBuilder({ records, images, networks, distribution, runtime, cgroupParent }, inForce);
  const live = await opened.recover();
  await reconciled('networks', () => networks.reconcile(live));
  await reconciled('volumes', () => volumes.reconcile(live));
  // What a killed engine's builds left first: it has layers in use.
  await reconciled('builds', () => building.reconcile());
  await reconciled('images', () => images.reconcile());
  return { records, events, keeper, porter, distribution, images, volumes, networks, opened, building };
}

/** Opens the engine over its roots and serves its API; `close` ends it, with `all` its containers and the keeper too. */
export async function openEngine(
  inForce: SettingsInForce,
  paths: ContainerPaths,
  handed: readonly HandedSocket[],
  requestStop: (all: boolean) => void,
) {
  const settings = inForce.current;
  const runtime = prepareRuntime(settings.execRoot);
  const features = await openFeatures(inForce, paths, runtime);
  const { records, events, keeper, porter, images, volumes, networks, opened, building } = features;
  const { containers } = opened;
  const system = await systemInformation(inForce, features, runtime, requestStop);
  const builds = openBuilds({
    records,
    networks,
    id: system.id,
    hostGateway: () => inForce.current.containers.hostGateway,
    builder: () => building.open(),
    gcPolicy: building.gcPolicy,
  });
  const api = createApi({
    ...features,
    builds: builds.doors,
    containers,
    system,
    builder: async () => (await building.open()).builder,
    login: (credentials, signal) => features.distribution.login(credentials, signal),
  });
  const listeners = await listenAll(api, settings, handed);
  if (settings.metricsAddress !== undefined) {
    const text = () => engineMetrics({ api, system, containers, events });
    listeners.push(await serveMetrics(settings.metricsAddress, system.startedAt, text));
  }
  images.gc.start();
  // Not waited for: a start that hangs must not keep the engine from being stopped.
  opened.resume().catch((error: unknown) => log('error', 'not all was resumed', { error: messageOf(error) }));

  async function close(all: boolean): Promise<void> {
    await runAll([
      ...(all ? [() => stopAllInTime(opened, inForce.current.shutdownTimeoutSeconds)] : []),
      ...listeners.map((listener) => () => listener.close()),
      () => builds.close(),
      () => building.close(),
      () => opened.close(),
      () => porter.close(),
      () => images.gc.close(),
      () => images.close(),
      () => images.settled(),
      () => volumes.settled(),
      ...(all
        ? [
            () => networks.close(),
            () => keeper.shutDown(),
            async () => void (await removeCgroupSoon(paths.cgroupParent)),
          ]
        : []),
      () => keeper.close(),
      () => records[Symbol.dispose](),
    ]);
  }
  const addresses = listeners.map(({ address }) => address);
  /** New settings may ask for room now. */
  const settingsChanged = (): void => images.gc.look();
  return { close, settingsChanged, keeperPid: keeper.pid, events, system, addresses };
}
