import { hostname } from 'node:os';
import type { LogConfig } from '#api';
import type { Events } from '#events';
import type { Images } from '#images';
import type { Keeper } from '#keeper';
import { cgroupLayout } from '#linux/cgroups';
import type { Networks } from '#networks';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { Records } from '#store';
import type { Volumes } from '#volumes';
import { createAttachedClients } from './attach/clients.ts';
import { openCatalog } from './catalog.ts';
import { createCreate } from './create/create.ts';
import { completeHostConfig } from './create/host-defaults.ts';
import { createExecs } from './exec/run.ts';
import { openExecStore } from './exec/store.ts';
import { createExitHandler } from './exit/handle.ts';
import { createRelease } from './exit/release.ts';
import { createFace } from './face.ts';
import { createHealthMonitor } from './health/monitor.ts';
import type { ContainerPaths } from './paths.ts';
import { type ContainerRecord, isRunning } from './record.ts';
import { type RecoverParts, recover, resume } from './recover/recover.ts';
import { createRemove } from './remove/remove.ts';
import { createRestartSchedule } from './restart/schedule.ts';
import { createSpecification } from './specification.ts';
import { createLaunch } from './start/launch.ts';
import { createStarter } from './start/start.ts';
import { createTerminator } from './stop/terminate.ts';
import type { Containers } from './types.ts';

const sweepIntervalMs = 60_000;

/** What the feature is built on. */
export interface ContainersOptions {
  readonly records: Records;
  readonly events: Events;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly keeper: Keeper;
  readonly paths: ContainerPaths;
  readonly dataRoot: string;
  /** Path of the OCI runtime. */
  readonly runtime: string;
  readonly logDefaults: LogConfig['Config'];
}

/** The feature, and the steps of the engine's start and end that concern it. */
export interface OpenedContainers {
  readonly containers: Containers;
  /** Accounts for every process, and removes what has no owner; returns the ids of the containers that run. */
  recover(): Promise<Set<string>>;
  /** Finishes removals and does the restarts that were due; once networks and volumes are in order. */
  resume(): Promise<void>;
  /** Stops every container, each with its own signal and patience. */
  stopAll(): Promise<void>;
  /** Ends timers; containers go on. */
  close(): void;
}

/** Opens the container feature: makes its parts and binds each to the few others that it needs. */
export function openContainers(options: ContainersOptions): OpenedContainers {
  const { records, events, images, networks, volumes, keeper, paths, runtime } = options;
  const { rootfs } = images;
  const catalog = openCatalog(records);
  const execStore = openExecStore(records);
  const clients = createAttachedClients();
  const specification = createSpecification({ catalog, images, volumes, paths, dataRoot: options.dataRoot });
  const release = createRelease({ rootfs, networks, volumes, paths });
  const restarts = createRestartSchedule((id) => starter.restart(id));
  const terminator = createTerminator({ catalog, events, keeper, paths, restarts });
  const onRemoved = (id: string): void => {
    execStore.drop(id);
    clients.closeAll(id);
  };
  const remove = createRemove({
    catalog,
    events,
    keeper,
    rootfs,
    volumes,
    paths,
    release,
    restarts,
    terminator,
    onRemoved,
  });
  const removeWithVolumes = ({ id }: ContainerRecord): Promise<void> => remove(id, { force: false, volumes: true });
  const execs = createExecs({
    catalog,
    execs: execStore,
    events,
    keeper,
    clients,
    paths,
    runtime,
    buildProcess: specification.buildProcess,
  });
  const health = createHealthMonitor(catalog, events, { execs, store: execStore, keeper });
  const launch = createLaunch({
    catalog,
    events,
    rootfs,
    networks,
    volumes,
    keeper,
    clients,
    paths,
    release,
    runtime,
    logDefaults: options.logDefaults,
    buildSpec: specification.buildSpec,
    fillVolumes: specification.fillVolumes,
    onStarted: (record) => health.watch(record),
  });
  const starter = createStarter({ catalog, launch, restarts, remove: removeWithVolumes });
  const onExit = createExitHandler({
    catalog,
    events,
    keeper,
    paths,
    release,
    restarts,
    onEnded: (id) => health.forget(id),
    remove: removeWithVolumes,
  });
  const create = createCreate(
    {
      catalog,
      events,
      images,
      completeHostConfig: (asked) => completeHostConfig(asked, cgroupLayout().version),
      validate: specification.validate,
      prepareMounts: specification.prepareMounts,
      dropVolumes: async (names) => {
        for (const name of names) await volumes.remove(name, { force: true });
      },
    },
    hostname(),
  );
  const recoverParts: RecoverParts = {
    catalog,
    execs: execStore,
    keeper,
    rootfs,
    paths,
    onExit,
    onExecExit: (process) => execs.onExit(process),
    onRunning: (record) => health.watch(record),
    start: (id) => (catalog.get(id)?.life.phase === 'restarting' ? starter.restart(id) : starter.start(id)),
    remove: (id) => resumeRemoval(id),
  };

  /** A removal cut short by the engine's death begins anew. */
  async function resumeRemoval(id: string): Promise<void> {
    const record = catalog.get(id);
    if (record === undefined) return;
    catalog.put({ ...record, life: { ...record.life, phase: 'exited' } });
    await removeWithVolumes(record);
  }

  keeper.onExit((process) => {
    const handled = process.kind === 'exec' ? execs.onExit(process) : onExit(process.id, process.exit);
    handled.catch((error: unknown) => log('error', 'exit not handled', { id: process.id, error: messageOf(error) }));
  });
  const sweep = setInterval(() => execStore.sweep(Date.now()), sweepIntervalMs);
  sweep.unref();

  async function stopAll(): Promise<void> {
    restarts.close();
    const running = [...catalog.all()].filter(isRunning);
    const results = await Promise.allSettled(running.map(({ id }) => terminator.stop(id, {}, 'shutdown')));
    const failed = results.filter((result) => result.status === 'rejected');
    if (failed.length > 0) throw fail('internal', failed.map(({ reason }) => messageOf(reason)).join('; '));
  }

  return {
    containers: createFace({
      catalog,
      events,
      images,
      networks,
      keeper,
      paths,
      clients,
      execs,
      execStore,
      create,
      starter,
      terminator,
      remove,
    }),
    recover: () => recover(recoverParts),
    resume: () => resume(recoverParts),
    stopAll,
    close() {
      clearInterval(sweep);
      restarts.close();
      health.close();
    },
  };
}
