import { existsSync } from 'node:fs';
import type { ContainerConfig, HostConfig, MountPoint, VolumeCreateRequest } from '#api';
import { fail, kindOf, messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import {
  declaredDestination,
  isMountMode,
  isWritable,
  type MountOptions,
  type MountRequest,
  parseBind,
  parseMount,
  tmpfsDestination,
} from './mount-request.ts';

/** What the mounts of a new container are decided from. */
export interface MountPlanInput {
  readonly config: Pick<ContainerConfig, 'Volumes'>;
  readonly hostConfig: Pick<HostConfig, 'Binds' | 'Mounts' | 'Tmpfs' | 'VolumesFrom' | 'VolumeDriver'>;
  /** The mounts of a container by name; throws `not-found`. */
  readonly mountsOf: (container: string) => Pick<MountPlan, 'points' | 'options'>;
  /** The engine's data root: a bind mount that takes it in follows the host's mounts, so that it pins none of them. */
  readonly dataRoot: string;
  readonly exists?: (path: string) => boolean;
  /** Read-only binds leave mounts below them writable, as they were before API 1.44. */
  readonly shallowReadOnly?: boolean;
}

/** Options of mounts by their destination; a mount without any has no entry. */
export type MountOptionsTable = Readonly<Record<string, MountOptions>>;

/** A volume that must be there before the container is. */
export interface PlannedVolume {
  readonly request: VolumeCreateRequest & { Name: string };
  /** Nobody named it. */
  readonly anonymous: boolean;
}

export interface MountPlan {
  /** With the sources of volumes and images still empty. */
  readonly points: readonly MountPoint[];
  readonly options: MountOptionsTable;
  readonly volumes: readonly PlannedVolume[];
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || directory === '/' || path.startsWith(`${directory}/`);
}

interface PlannedMount {
  readonly point: MountPoint;
  readonly options: MountOptions;
}

/** Mount points taken over from other containers, `name[:mode]`; what they show was filled by those. */
function inherited(input: MountPlanInput): PlannedMount[] {
  return (input.hostConfig.VolumesFrom ?? []).flatMap((text) => {
    const [name = '', mode = ''] = text.split(/:(.*)/s);
    if (text === '') throw fail('invalid-argument', 'volumes-from specification cannot be an empty string');
    if (!isMountMode(mode)) throw fail('invalid-argument', `invalid mode: ${mode}`);
    let source: Pick<MountPlan, 'points' | 'options'>;
    try {
      source = input.mountsOf(name);
    } catch (error) {
      if (kindOf(error) !== 'not-found') throw error;
      throw fail('invalid-argument', messageOf(error), error);
    }
    return source.points.map((point) => {
      const { fill: _fill, snapshot: _snapshot, ...options } = source.options[point.Destination] ?? {};
      return { point: { ...point, Mode: '', RW: point.RW && isWritable(mode) }, options };
    });
  });
}

function pointOf(request: MountRequest, dataRoot: string): MountPoint {
  const { type, source, destination, mode, readOnly } = request;
  const place = { Source: type === 'bind' ? source : '', Destination: destination };
  const access = { RW: !readOnly, Propagation: '' };
  if (type === 'tmpfs') return { Type: type, ...place, Mode: '', ...access };
  if (type === 'volume') {
    const Name = source === '' ? newId() : source;
    return { Type: type, Name, ...place, Driver: request.driver ?? 'local', Mode: mode || 'z', ...access };
  }
  if (type === 'image') return { Type: type, Name: source, ...place, Mode: mode, ...access, Propagation: 'rprivate' };
  const Propagation = request.propagation || (isWithin(dataRoot, source) ? 'rslave' : 'rprivate');
  return { Type: type, ...place, Mode: mode, ...access, Propagation };
}

function volumeRequest(request: MountRequest, name: string): PlannedVolume {
  return {
    anonymous: request.source === '',
    request: {
      Name: name,
      ...(request.driver !== undefined && { Driver: request.driver }),
      ...(request.driverOptions !== undefined && { DriverOpts: { ...request.driverOptions } }),
      ...(request.labels !== undefined && { Labels: { ...request.labels } }),
    },
  };
}

/** A volume for a place that the image, or the caller, declares. */
function declaredMount(destination: string): { planned: PlannedMount; volume: PlannedVolume } {
  const Name = newId();
  return {
    planned: {
      point: {
        Type: 'volume',
        Name,
        Source: '',
        Destination: destination,
        Driver: 'local',
        Mode: '',
        RW: true,
        Propagation: '',
      },
      options: { fill: true },
    },
    volume: { anonymous: true, request: { Name } },
  };
}

/**
 * Decides all mounts of a new container: of other containers (`VolumesFrom`), then `Binds` and `Mounts`, which replace
 * those, then a volume for every place that the image (or the caller) declares and nothing else takes. Nothing is made.
 * Throws in Docker's words.
 */
export function planMounts(input: MountPlanInput): MountPlan {
  const { hostConfig, dataRoot } = input;
  const exists = input.exists ?? existsSync;
  const mounts = new Map<string, PlannedMount>();
  const volumes = new Map<string, PlannedVolume>();
  const asked = new Set<string>();
  const tmpfs = new Set(Object.keys(hostConfig.Tmpfs ?? {}).map(tmpfsDestination));
  for (const mount of inherited(input)) mounts.set(mount.point.Destination, mount);

  function take(request: MountRequest): void {
    const { destination, type, readOnly, options } = request;
    if (asked.has(destination)) throw fail('invalid-argument', `Duplicate mount point: ${destination}`);
    asked.add(destination);
    const point = pointOf(request, dataRoot);
    const isShallow = type === 'bind' && readOnly && input.shallowReadOnly === true;
    mounts.set(destination, { point, options: { ...options, ...(isShallow && { shallowReadOnly: true as const }) } });
    if (type === 'volume' && point.Name !== undefined) volumes.set(point.Name, volumeRequest(request, point.Name));
  }

  for (const text of hostConfig.Binds ?? []) {
    const request = parseBind(text, hostConfig.VolumeDriver);
    if (tmpfs.has(request.destination)) {
      throw fail('invalid-argument', `Duplicate mount point: ${request.destination}`);
    }
    take(request);
  }
  for (const mount of hostConfig.Mounts ?? []) take(parseMount(mount, exists));
  for (const declared of Object.keys(input.config.Volumes ?? {})) {
    const destination = declaredDestination(declared);
    if (mounts.has(destination) || tmpfs.has(destination)) continue;
    const { planned, volume } = declaredMount(destination);
    mounts.set(destination, planned);
    volumes.set(volume.request.Name, volume);
  }
  const points = [...mounts.values()].map(({ point }) => point);
  const options = Object.fromEntries([...mounts].map(([destination, mount]) => [destination, mount.options]));
  return { points, options, volumes: [...volumes.values()] };
}

/** The mounts of a new container, its volumes and the snapshots of images made. */
export interface PreparedMounts {
  readonly points: readonly MountPoint[];
  readonly options: MountOptionsTable;
  /** Names of the volumes that nobody named. */
  readonly anonymousVolumes: readonly string[];
}

/** What makes and unmakes volumes. */
export interface VolumeMaker {
  create(request: VolumeCreateRequest, holder: string): Promise<{ Mountpoint: string; Driver: string }>;
  remove(name: string, options: { force: boolean }): Promise<void>;
  /** Others may remove the volumes that were made for `holder`. */
  letGo(holder: string): void;
}

/** What makes and unmakes the snapshots that image mounts show. */
export interface SnapshotMaker {
  /** Makes a snapshot of an image and tells where it will be mounted; throws `not-found`. */
  create(snapshot: string, reference: string): { image: string; path: string };
  remove(snapshot: string): Promise<void>;
}

/** Name of the snapshot of a container's image mount: the container's id, then its number. */
export function snapshotName(containerId: string, index: number): string {
  return `${containerId}-${index}`;
}

/** Makes the volumes and snapshots that a plan asks for. When one cannot be made, those that nobody named go again. */
export async function prepareMounts(
  containerId: string,
  plan: MountPlan,
  volumes: VolumeMaker,
  snapshots: SnapshotMaker,
): Promise<PreparedMounts> {
  const made = new Map<string, { Mountpoint: string; Driver: string }>();
  const options: Record<string, MountOptions> = { ...plan.options };
  const points: MountPoint[] = [];
  const anonymousVolumes = plan.volumes.filter(({ anonymous }) => anonymous).map(({ request }) => request.Name);
  try {
    for (const { request, anonymous } of plan.volumes) {
      const labels = anonymous ? { 'com.docker.volume.anonymous': '', ...request.Labels } : request.Labels;
      made.set(request.Name, await volumes.create({ ...request, ...(labels && { Labels: labels }) }, containerId));
    }
    for (const [index, point] of plan.points.entries()) {
      const { Type, Name = '', Destination } = point;
      const volume = made.get(Name);
      if (Type === 'image') {
        const snapshot = snapshotName(containerId, index);
        const { image, path } = snapshots.create(snapshot, options[Destination]?.image ?? Name);
        points.push({ ...point, Source: path });
        options[Destination] = { ...options[Destination], image, snapshot };
      } else if (Type === 'volume' && volume !== undefined) {
        // A label is for directories of the engine's own.
        const Mode = point.Mode === 'z' && volume.Driver !== 'local' ? '' : point.Mode;
        points.push({ ...point, Source: volume.Mountpoint, Driver: volume.Driver, Mode });
      } else points.push(point);
    }
  } catch (error) {
    volumes.letGo(containerId);
    for (const name of anonymousVolumes) if (made.has(name)) await volumes.remove(name, { force: true });
    for (const { snapshot } of Object.values(options)) if (snapshot !== undefined) await snapshots.remove(snapshot);
    throw error;
  }
  return { points, options, anonymousVolumes };
}
