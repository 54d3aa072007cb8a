import { mkdirSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import type { HostConfig, MountPoint } from '#api';
import { hasCode, reasonOf } from '#linux/errno';
import { type MountEntry, mountOf, readMounts } from '#linux/mount';
import { fail } from '#std/errors';
import { lazy } from '#std/lazy';
import type { ContainerMount } from './file-systems.ts';
import { type MountOptions, tmpfsDestination } from './mount-request.ts';
import type { MountOptionsTable } from './mounts.ts';

/** What a start makes mounts from. */
export interface ContainerMountsInput {
  readonly hostConfig: Pick<HostConfig, 'Tmpfs'>;
  readonly points: readonly MountPoint[];
  readonly options: MountOptionsTable;
  /** What is to be bound at a destination: a path on the host, made ready; that of a bind mount may be left out. */
  readonly sources: ReadonlyMap<string, string>;
}

function recursiveReadOnly(point: MountPoint, options: MountOptions): ContainerMount['recursiveReadOnly'] {
  const { shallowReadOnly: never, deepReadOnly: required } = options;
  const conflict = (text: string): Error => fail('internal', `mount options conflict: ${text}`);
  if (never && point.RW) throw conflict('!ReadOnly && BindOptions.ReadOnlyNonRecursive');
  if (never && required) throw conflict('ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive');
  if (required && point.RW) throw conflict('!ReadOnly && BindOptions.ReadOnlyForceRecursive');
  return never ? 'never' : required ? 'required' : 'possible';
}

/** Nothing is mounted below a file; and runtimes take "recursive" to mean a directory (crun 1.8). */
function isDirectory(source: string): boolean {
  return statSync(source, { throwIfNoEntry: false })?.isDirectory() ?? true;
}

/** Mounts can pass between host and container only where the host's own mount lets them. */
function checkedPropagation(
  { Source, Propagation }: MountPoint,
  isAutomatic: boolean,
  mounts: readonly MountEntry[],
): string {
  const wantsShared = /^r?shared$/.test(Propagation);
  if (!wantsShared && !/^r?slave$/.test(Propagation)) return Propagation;
  const holder = mountOf(Source, mounts);
  const has = (kind: string): boolean => holder?.propagation.some((field) => field.startsWith(kind)) ?? false;
  if (has('shared:') || (!wantsShared && has('master:'))) return Propagation;
  if (isAutomatic) return 'rprivate';
  const wanted = wantsShared ? 'a shared' : 'a shared or slave';
  throw fail('internal', `path ${Source} is mounted on ${holder?.target ?? '/'} but it is not ${wanted} mount`);
}

/** A missing source of `-v` is made, a directory of root's, as Docker does; that of a `--mount` must be there. */
export function readySource(source: string, mayCreate: boolean): void {
  try {
    statSync(source);
    return;
  } catch (error) {
    if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ENOTDIR')) throw error;
  }
  if (!mayCreate) {
    throw fail('invalid-argument', `invalid mount config for type "bind": bind source path does not exist: ${source}`);
  }
  try {
    mkdirSync(source, { recursive: true });
  } catch (error) {
    const reason = `mkdir ${source}: ${reasonOf(error)}`;
    throw fail('internal', `error while creating mount source path '${source}': ${reason}`, error);
  }
}

/** Flags of a mount that what is bound from it is to keep. */
const keptFlags: ReadonlySet<string> = new Set(['ro', 'nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime']);

function flagsOf(source: string, mounts: readonly MountEntry[]): string[] {
  return (mountOf(source, mounts)?.flags ?? []).filter((flag) => keptFlags.has(flag));
}

function bindMount(
  point: MountPoint,
  options: MountOptions,
  source: string,
  mounts: readonly MountEntry[],
): ContainerMount {
  const wanted = recursiveReadOnly(point, options) ?? 'possible';
  return {
    type: 'bind',
    source,
    destination: point.Destination,
    readOnly: !point.RW,
    sourceFlags: flagsOf(source, mounts),
    ...(options.shallow && { recursive: false }),
    recursiveReadOnly: isDirectory(source) ? wanted : 'never',
    propagation: checkedPropagation(point, options.strictPropagation !== true, mounts),
  };
}

function mountAt(point: MountPoint, input: ContainerMountsInput, mounts: () => MountEntry[]): ContainerMount {
  const { Type, RW, Propagation } = point;
  const options = input.options[point.Destination] ?? {};
  const source = input.sources.get(point.Destination);
  if (Type === 'bind') return bindMount(point, options, source ?? point.Source, mounts());
  // An image may declare a place without a leading slash.
  const destination = posix.resolve('/', point.Destination);
  if (Type === 'tmpfs') {
    return { type: 'tmpfs', source: '', destination, readOnly: !RW, propagation: '', options: options.tmpfs ?? [] };
  }
  if (source === undefined) throw fail('internal', `${Type} ${point.Name ?? ''} is not mounted`);
  const sourceFlags = flagsOf(source, mounts());
  return {
    type: 'bind',
    source,
    destination,
    readOnly: !RW,
    sourceFlags,
    ...(options.subpath !== undefined && !isDirectory(source) && { recursiveReadOnly: 'never' as const }),
    propagation: Propagation,
  };
}

/**
 * The mounts of a container at its start, from its mount points and from `HostConfig.Tmpfs`. Throws in Docker's words for what cannot be mounted as asked.
 */
export function containerMounts(input: ContainerMountsInput): ContainerMount[] {
  const taken = new Set(input.points.map(({ Destination }) => Destination));
  const temporary: ContainerMount[] = Object.entries(input.hostConfig.Tmpfs ?? {}).flatMap(([place, text]) => {
    const destination = tmpfsDestination(place);
    if (taken.has(destination)) return [];
    const options = text.split(',').filter((option) => option !== '');
    return [{ type: 'tmpfs', source: '', destination, readOnly: false, propagation: '', options }];
  });
  const mounts = lazy(() => readMounts());
  return [...temporary, ...input.points.map((point) => mountAt(point, input, mounts))];
}
