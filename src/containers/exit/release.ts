import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Rootfs } from '#images';
import { killAll, removeCgroup, removeCgroupSoon } from '#linux/cgroups';
import type { Networks } from '#networks';
import { runAll } from '#std/errors';
import { log } from '#std/log';
import type { Volumes } from '#volumes';
import type { ContainerPaths } from '../paths.ts';
import type { ContainerRecord } from '../record.ts';
import { releaseSharedMemory } from '../spec/index.ts';
import { snapshotsOf } from '../start/mount-sources.ts';
import { releasePins } from '../start/pins.ts';

/** Gives back all that a container holds only while it runs. Idempotent; runs to its end and then tells what failed. */
export type Release = (record: ContainerRecord) => Promise<void>;

/** What a release gives back to. */
export interface ReleaseParts {
  readonly rootfs: Rootfs;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly paths: ContainerPaths;
}

/** Names of the volumes that a container mounts. */
export function volumesOf(record: ContainerRecord): string[] {
  return record.mounts.flatMap(({ Type, Name }) => (Type === 'volume' && Name !== undefined ? [Name] : []));
}

/** Path of a container's cgroup, below the mount of every hierarchy. */
export function cgroupOf({ id, hostConfig }: ContainerRecord, paths: ContainerPaths): string {
  return join('/', hostConfig.CgroupParent || paths.cgroupParent, id);
}

/**
 * Removes the cgroup. What is left in it after the main process has no other owner: with a pid namespace of its own the
 * kernel has killed it already, and a zombie may hold the cgroup for a moment; with a shared one it is killed here.
 */
async function releaseCgroup({ id, hostConfig }: ContainerRecord, path: string): Promise<void> {
  if (hostConfig.PidMode === '' && removeCgroup(path)) return;
  await killAll(path);
  if (await removeCgroupSoon(path)) return;
  log('warn', 'cgroup still busy; the next start of the engine removes it', { container: id });
}

/**
 * Makes the release. Instead of `crun delete`, which costs a process, it removes what that would: the cgroup and the
 * runtime's state directory.
 */
export function createRelease({ rootfs, networks, volumes, paths }: ReleaseParts): Release {
  return async (record) => {
    const { id } = record;
    const steps: (() => void | Promise<void>)[] = [
      () => rootfs.unmount(id),
      () => networks.tearDown(id),
      () => releasePins(paths.pins(id)),
      ...snapshotsOf(record).map((snapshot) => () => rootfs.unmount(snapshot)),
      ...volumesOf(record).map((name) => () => volumes.unmount(name, id)),
      () => releaseCgroup(record, cgroupOf(record, paths)),
      () => rmSync(join(paths.runtimeRoot, id), { recursive: true, force: true }),
      () => releaseSharedMemory(paths.sharedMemory(id)),
      () => rmSync(paths.bundle(id), { recursive: true, force: true }),
    ];
    await runAll(steps).catch((error: unknown) => {
      log('error', 'not all of a container could be given back', { container: id, error: String(error) });
    });
  };
}
