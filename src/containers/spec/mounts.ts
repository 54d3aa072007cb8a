import { existsSync } from 'node:fs';
import type { ContainerConfig, HostConfig, MountPoint, VolumeCreateRequest } from '#api';
import { fail, kindOf, messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import {
  isMountMode,
  isWritable,
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
  readonly mountsOf: (container: string) => readonly MountPoint[];
  /** The engine's data root: a bind mount that takes it in follows the host's mounts, so that it pins none of them. */
  readonly dataRoot: string;
  readonly exists?: (path: string) => boolean;
}

/** A volume that must be there before the container is. */
export interface PlannedVolume {
  readonly request: VolumeCreateRequest & { Name: string };
  /** Nobody named it. */
  readonly anonymous: boolean;
}

export interface MountPlan {
  /** With the sources of volumes still empty. */
  readonly points: readonly MountPoint[];
  readonly volumes: readonly PlannedVolume[];
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || directory === '/' || path.startsWith(`${directory}/`);
}

/** Mount points taken over from other containers, `name[:mode]`. */
function inherited(input: MountPlanInput): MountPoint[] {
  return (input.hostConfig.VolumesFrom ?? []).flatMap((text) => {
    const [name = '', mode = ''] = text.split(/:(.*)/s);
    if (text === '') throw fail('invalid-argument', 'volumes-from specification cannot be an empty string');
    if (!isMountMode(mode)) throw fail('invalid-argument', `invalid mode: ${mode}`);
    let points: readonly MountPoint[];
    try {
      points = input.mountsOf(name);
    } catch (error) {
      if (kindOf(error) !== 'not-found') throw error;
      throw fail('invalid-argument', messageOf(error), error);
    }
    return points.map((point) => ({ ...point, Mode: '', RW: point.RW && isWritable(mode) }));
  });
}

function pointOf(request: MountRequest, dataRoot: string): MountPoint {
  const { type, source, destination, mode, readOnly } = request;
  const place = { Source: type === 'bind' ? source : '', Destination: destination };
  const access = { RW: !readOnly, Propagation: '' };
  if (type === 'tmpfs') return { Type: type, ...place, Mode: '', ...access };
  if (type === 'volume') {
    const Name = source === '' ? newId() : source;
    return { Type: type, Name, ...place, Driver: 'local', Mode: mode || 'z', ...access };
  }
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

/**
 * Decides all mounts of a new container: of other containers (`VolumesFrom`), then `Binds` and `Mounts`, which replace
 * those, then a volume for every place that the image (or the caller) declares and nothing else takes. Nothing is made.
 * Throws in Docker's words.
 */
export function planMounts(input: MountPlanInput): MountPlan {
  const { hostConfig, dataRoot } = input;
  const exists = input.exists ?? existsSync;
  const points = new Map<string, MountPoint>();
  const volumes = new Map<string, PlannedVolume>();
  const asked = new Set<string>();
  const tmpfs = new Set(Object.keys(hostConfig.Tmpfs ?? {}).map(tmpfsDestination));
  for (const point of inherited(input)) points.set(point.Destination, point);

  function take(request: MountRequest): void {
    const { destination } = request;
    if (asked.has(destination)) throw fail('invalid-argument', `Duplicate mount point: ${destination}`);
    asked.add(destination);
    const point = pointOf(request, dataRoot);
    points.set(destination, point);
    if (point.Name !== undefined) volumes.set(point.Name, volumeRequest(request, point.Name));
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
    const destination = tmpfsDestination(declared);
    if (points.has(destination) || tmpfs.has(destination)) continue;
    const Name = newId();
    points.set(destination, {
      Type: 'volume',
      Name,
      Source: '',
      Destination: destination,
      Driver: 'local',
      Mode: '',
      RW: true,
      Propagation: '',
    });
    volumes.set(Name, { anonymous: true, request: { Name } });
  }
  return { points: [...points.values()], volumes: [...volumes.values()] };
}

/** The mounts of a new container, its volumes made. */
export interface PreparedMounts {
  readonly points: readonly MountPoint[];
  /** Names of the volumes that nobody named. */
  readonly anonymousVolumes: readonly string[];
}

/** The part of the volume feature that makes and unmakes. */
export interface VolumeMaker {
  create(request: VolumeCreateRequest): Promise<{ Mountpoint: string }>;
  remove(name: string, options: { force: boolean }): Promise<void>;
}

/** Makes the volumes of a plan and completes its mount points. When one cannot be made, the anonymous ones go again. */
export async function prepareMounts(plan: MountPlan, volumes: VolumeMaker): Promise<PreparedMounts> {
  const made = new Map<string, string>();
  const anonymousVolumes = plan.volumes.filter(({ anonymous }) => anonymous).map(({ request }) => request.Name);
  try {
    for (const { request, anonymous } of plan.volumes) {
      const labels = anonymous ? { 'com.docker.volume.anonymous': '', ...request.Labels } : request.Labels;
      const { Mountpoint } = await volumes.create({ ...request, ...(labels && { Labels: labels }) });
      made.set(request.Name, Mountpoint);
    }
  } catch (error) {
    for (const name of anonymousVolumes) if (made.has(name)) await volumes.remove(name, { force: true });
    throw error;
  }
  const points = plan.points.map((point) => ({ ...point, Source: made.get(point.Name ?? '') ?? point.Source }));
  return { points, anonymousVolumes };
}
