import { mkdirSync, statSync } from 'node:fs';
import type { HostConfig, Mount, MountPoint } from '#api';
import { hasCode } from '#linux/errno';
import { type MountEntry, readMounts } from '#linux/mount';
import { fail, messageOf } from '#std/errors';
import type { ContainerMount } from './file-systems.ts';
import { parseBind, tmpfsDestination } from './mount-request.ts';

/** What a start makes mounts from. */
export interface ContainerMountsInput {
  readonly hostConfig: Pick<HostConfig, 'Binds' | 'Mounts' | 'Tmpfs'>;
  readonly points: readonly MountPoint[];
  /** Volume name -> directory to mount. */
  readonly volumePaths: ReadonlyMap<string, string>;
}

function mountFor(hostConfig: ContainerMountsInput['hostConfig'], destination: string): Mount | undefined {
  return hostConfig.Mounts?.find(({ Target }) => tmpfsDestination(Target) === destination);
}

function tmpfsOptions({ TmpfsOptions }: Mount): string[] {
  const { Mode, SizeBytes, Options = [] } = TmpfsOptions ?? {};
  return [
    ...(Mode ? [`mode=${Mode.toString(8)}`] : []),
    ...(SizeBytes ? [`size=${SizeBytes}`] : []),
    ...Options.flatMap(([name]) => (name === undefined ? [] : [name])),
  ];
}

function recursiveReadOnly({ ReadOnly, BindOptions }: Mount): ContainerMount['recursiveReadOnly'] {
  const { ReadOnlyNonRecursive: never, ReadOnlyForceRecursive: required } = BindOptions ?? {};
  if (never && !ReadOnly) {
    throw fail('internal', 'mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive');
  }
  if (never && required) {
    throw fail('internal', 'mount options conflict: ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive');
  }
  if (required && !ReadOnly) {
    throw fail('internal', 'mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive');
  }
  return never ? 'never' : required ? 'required' : 'possible';
}

/** The mount that holds a path: the longest of their targets that leads to it. */
function holderOf(path: string, mounts: readonly MountEntry[]): MountEntry | undefined {
  let best: MountEntry | undefined;
  for (const entry of mounts) {
    const holds = entry.target === '/' || path === entry.target || path.startsWith(`${entry.target}/`);
    if (holds && entry.target.length >= (best?.target.length ?? 0)) best = entry;
  }
  return best;
}

/** Mounts can pass between host and container only where the host's own mount lets them. */
function checkedPropagation({ Source, Propagation }: MountPoint, isAutomatic: boolean): string {
  const wantsShared = /^r?shared$/.test(Propagation);
  if (!wantsShared && !/^r?slave$/.test(Propagation)) return Propagation;
  const holder = holderOf(Source, readMounts());
  const has = (kind: string): boolean => holder?.propagation.some((field) => field.startsWith(kind)) ?? false;
  if (has('shared:') || (!wantsShared && has('master:'))) return Propagation;
  if (isAutomatic) return 'rprivate';
  const wanted = wantsShared ? 'a shared' : 'a shared or slave';
  throw fail('internal', `path ${Source} is mounted on ${holder?.target ?? '/'} but it is not ${wanted} mount`);
}

/** A missing source of `-v` is made, a directory of root's, as Docker does; that of a `--mount` must be there. */
function readySource(source: string, mayCreate: boolean): void {
  try {
    statSync(source);
    return;
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  if (!mayCreate) {
    throw fail('invalid-argument', `invalid mount config for type "bind": bind source path does not exist: ${source}`);
  }
  try {
    mkdirSync(source, { recursive: true });
  } catch (error) {
    throw fail('internal', `error while creating mount source path '${source}': ${messageOf(error)}`, error);
  }
}

function bindMount(point: MountPoint, { hostConfig }: ContainerMountsInput): ContainerMount {
  const mount = mountFor(hostConfig, point.Destination);
  readySource(point.Source, mount === undefined || mount.BindOptions?.CreateMountpoint === true);
  const isExplicit = mount?.BindOptions?.Propagation || /(?:shared|slave)/.test(point.Mode);
  return {
    type: 'bind',
    source: point.Source,
    destination: point.Destination,
    readOnly: !point.RW,
    ...(mount?.BindOptions?.NonRecursive && { recursive: false }),
    ...(mount !== undefined && { recursiveReadOnly: recursiveReadOnly(mount) ?? 'possible' }),
    propagation: checkedPropagation(point, !isExplicit),
  };
}

function mountOf(point: MountPoint, input: ContainerMountsInput): ContainerMount {
  const { Type, Name = '', Destination, RW } = point;
  if (Type === 'bind') return bindMount(point, input);
  if (Type === 'tmpfs') {
    const mount = mountFor(input.hostConfig, Destination);
    const options = mount === undefined ? [] : tmpfsOptions(mount);
    return { type: 'tmpfs', source: '', destination: Destination, readOnly: !RW, propagation: '', options };
  }
  const source = input.volumePaths.get(Name);
  if (source === undefined) throw fail('internal', `volume ${Name} is not mounted`);
  return { type: 'bind', source, destination: Destination, readOnly: !RW, propagation: '' };
}

/**
 * The mounts of a container at its start, from its mount points and from `HostConfig.Tmpfs`. Makes missing sources of
 * `-v`. Throws in Docker's words for what cannot be mounted as asked.
 */
export function containerMounts(input: ContainerMountsInput): ContainerMount[] {
  const taken = new Set(input.points.map(({ Destination }) => Destination));
  const temporary: ContainerMount[] = Object.entries(input.hostConfig.Tmpfs ?? {}).flatMap(([place, text]) => {
    const destination = tmpfsDestination(place);
    if (taken.has(destination)) return [];
    const options = text.split(',').filter((option) => option !== '');
    return [{ type: 'tmpfs', source: '', destination, readOnly: false, propagation: '', options }];
  });
  return [...temporary, ...input.points.map((point) => mountOf(point, input))];
}

/**
 * The volumes that an image's content is to be copied into, at a container's first start: all but those of other
 * containers and those whose copy was declined.
 */
export function volumesToFill(
  hostConfig: Pick<HostConfig, 'Binds' | 'Mounts' | 'VolumeDriver'>,
  points: readonly MountPoint[],
  anonymousVolumes: readonly string[],
): { name: string; destination: string }[] {
  const asked = new Map<string, boolean>();
  for (const text of hostConfig.Binds ?? []) {
    const { destination, noCopy } = parseBind(text, hostConfig.VolumeDriver);
    asked.set(destination, !noCopy);
  }
  for (const { Target, VolumeOptions } of hostConfig.Mounts ?? []) {
    asked.set(tmpfsDestination(Target), VolumeOptions?.NoCopy !== true);
  }
  return points.flatMap(({ Type, Name, Destination }) => {
    if (Type !== 'volume' || Name === undefined) return [];
    const wanted = asked.get(Destination) ?? anonymousVolumes.includes(Name);
    return wanted ? [{ name: Name, destination: Destination }] : [];
  });
}
