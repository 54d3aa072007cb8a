import { hostname } from 'node:os';
import type { HostConfig, LogConfig } from '#api';
import type { Events } from '#events';
import type { Images } from '#images';
import type { Keeper } from '#keeper';
import { cgroupLayout } from '#linux/cgroups';
import type { Networks } from '#networks';
import type { Porter } from '#porter';
import type { Records } from '#store';
import type { Volumes } from '#volumes';
import { openCatalog } from './catalog.ts';
import { type Create, createCreate } from './create/create.ts';
import { type ContainerDefaults, withEngineDefaults } from './create/engine-defaults.ts';
import { completeHostConfig } from './create/host-defaults.ts';
import { createExecs } from './exec/run.ts';
import { openExecStore } from './exec/store.ts';
import { createExitHandler } from './exit/handle.ts';
import { cgroupOf, createRelease } from './exit/release.ts';
import { createHealthMonitor } from './health/monitor.ts';
import { createFailureAction } from './health/on-failure.ts';
import { createProber } from './health/prober.ts';
import { openTarget } from './health/target.ts';
import type { ContainerPaths } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import { createRemove } from './remove/remove.ts';
import { createRestartByHand } from './restart/by-hand.ts';
import { createRestartSchedule } from './restart/schedule.ts';
import { createRuntimes, type RuntimeSetting } from './runtimes.ts';
import { discardUnsupported } from './spec/index.ts';
import { createSpecification } from './specification.ts';
import { createLaunch } from './start/launch.ts';
import { createStarter } from './start/start.ts';
import { createTerminator } from './stop/terminate.ts';
import { createUpdate } from './update/update.ts';

/** What the feature is built on. */
export interface ContainersOptions {
  readonly records: Records;
  readonly events: Events;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly keeper: Keeper;
  readonly porter: Porter;
  readonly paths: ContainerPaths;
  readonly dataRoot: string;
  /** Path of crun, and of runc where it is installed. */
  readonly runtime: string;
  readonly runc: string | undefined;
  /** Runtimes of the engine's settings, as they are now. */
  readonly runtimeSettings: () => Readonly<Record<string, RuntimeSetting>>;
  readonly logDefaults: LogConfig['Config'];
  /** What the engine's settings of this moment give to containers that do not say otherwise. */
  readonly defaults: () => ContainerDefaults;
}

/** What every part of the feature may ask for; each declares the few things that it takes. */
export type Ground = ReturnType<typeof layGround>;

/** Opens what is there before any container moves: records, clients, the specification, the release. */
export function layGround(options: ContainersOptions) {
  const { rootfs } = options.images;
  const catalog = openCatalog(options.records);
  const ground = {
    ...options,
    rootfs,
    catalog,
    execs: openExecStore(options.records),
    runtimes: createRuntimes({ ...options, runtimes: options.runtimeSettings }),
  };
  const specification = createSpecification(ground);
  return { ...ground, ...specification, release: createRelease(ground) };
}

/** The parts that move a container through its life, each bound to the others that it needs. */
export type Life = ReturnType<typeof makeLife>;

/** Makes those parts. Some need each other, and find each other by the time that they are called. */
export function makeLife(ground: Ground) {
  const { catalog, events, keeper, execs: store } = ground;
  const restarts = createRestartSchedule((id) => starter.restart(id));
  const terminator = createTerminator({ ...ground, restarts });
  const onRemoved = (id: string): void => {
    store.drop(id);
    void keeper.dismiss(id);
  };
  const remove = createRemove({ ...ground, restarts, terminator, onRemoved });
  const removeWithVolumes = ({ id }: ContainerRecord): Promise<void> => remove(id, { force: false, volumes: true });
  const execs = createExecs(ground);
  const health = createHealthMonitor({
    ...ground,
    execs,
    store,
    prober: createProber(['estiba-prober', ground.dataRoot]),
    openTarget: (record) => openTarget(record, cgroupOf(record, ground.paths)),
    onUnhealthy: (record) => onUnhealthy(record),
  });
  const launch = createLaunch({ ...ground, onStarted: (record) => health.watch(record) });
  const starter = createStarter({ catalog, launch, restarts, remove: removeWithVolumes });
  const onEnded = (id: string): void => health.forget(id);
  const update = createUpdate(ground);
  const underWay = new Set<string>();
  const restartByHand = createRestartByHand({ catalog, events, starter, terminator, underWay });
  const onUnhealthy = createFailureAction(terminator, restartByHand);
  const isBeingRestarted = (id: string): boolean => underWay.has(id);
  const onExit = createExitHandler({ ...ground, restarts, onEnded, isBeingRestarted, remove: removeWithVolumes });
  return { update, restartByHand, restarts, terminator, remove, removeWithVolumes, execs, health, starter, onExit };
}

/** Makes the creation of containers. */
export function makeCreate(ground: Ground): Create {
  const dropVolumes = async (names: readonly string[]): Promise<void> => {
    for (const name of names) await ground.volumes.remove(name, { force: true });
  };
  const complete = (asked: Parameters<typeof completeHostConfig>[0]): ReturnType<typeof completeHostConfig> =>
    completeHostConfig(withEngineDefaults(asked, ground.defaults()), cgroupLayout().version);
  const discard = (hostConfig: HostConfig): HostConfig => discardUnsupported(hostConfig, ground.hostFacts());
  const letVolumesGo = (containerId: string): void => ground.volumes.letGo(containerId);
  const parts = { ...ground, completeHostConfig: complete, discard, dropVolumes, letVolumesGo };
  return createCreate(parts, hostname());
}
