import type { MountPoint } from '#api';
import type { Rootfs } from '#images';
import { checkAnswers } from '#linux/remote-files';
import type { Volumes } from '#volumes';
import type { ContainerPaths } from '../paths.ts';
import type { ContainerRecord } from '../record.ts';
import { readySource } from '../spec/index.ts';
import { pinAlone, pinSubpath } from './pins.ts';

/** What it takes to make the sources of mounts ready. */
export interface MountSourceParts {
  readonly rootfs: Rootfs;
  readonly volumes: Volumes;
  readonly paths: ContainerPaths;
}

/** Names of the snapshots that a container's image mounts show. */
export function snapshotsOf({ mountOptions = {} }: ContainerRecord): string[] {
  return Object.values(mountOptions).flatMap(({ snapshot }) => (snapshot === undefined ? [] : [snapshot]));
}

/**
 * Mounts the volumes and images that a container's mounts show, and makes missing sources of `-v`; returns, by destination,
 * the path on the host that is to be bound there. A part of a volume is pinned, and so is a source that is to come without
 * the mounts below it: runtimes take those along whatever they are told (crun 1.8). What was mounted is given back by the release, also after a failure.
 */
export async function readyMountSources(
  record: ContainerRecord,
  { rootfs, volumes, paths }: MountSourceParts,
): Promise<Map<string, string>> {
  const { id, mounts, mountOptions = {} } = record;
  const sources = new Map<string, string>();

  async function sourceOf(point: MountPoint, pin: string): Promise<string | undefined> {
    const { subpath, shallow, createSource } = mountOptions[point.Destination] ?? {};
    if (point.Type === 'bind') {
      await checkAnswers(point.Source);
      readySource(point.Source, createSource === true);
      return shallow ? pinAlone(point.Source, paths.pins(id), pin) : point.Source;
    }
    const root = await rootOf(point);
    if (root === undefined || subpath === undefined) return root;
    await checkAnswers(root);
    return pinSubpath(root, subpath, paths.pins(id), pin);
  }

  async function rootOf({ Type, Name, Destination, RW }: MountPoint): Promise<string | undefined> {
    if (Type === 'volume' && Name !== undefined) {
      return volumes.mount(Name, id, { destination: Destination, readWrite: RW });
    }
    const snapshot = Type === 'image' ? mountOptions[Destination]?.snapshot : undefined;
    // Nothing is ever written into it: it is mounted as one whose content need not be kept.
    return snapshot === undefined ? undefined : rootfs.mount(snapshot, { volatile: true });
  }

  for (const [index, point] of mounts.entries()) {
    const source = await sourceOf(point, String(index));
    if (source !== undefined) sources.set(point.Destination, source);
  }
  return sources;
}
