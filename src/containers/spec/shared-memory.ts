import { mkdirSync, rmSync } from 'node:fs';
import { isMountPoint, mountFlags, mountTmpfs, unmount } from '#linux/mount';
import { fail } from '#std/errors';

/** What is checked of a container whose IPC namespace another one joins. */
export interface IpcDonor {
  readonly id: string;
  readonly hostConfig: { readonly IpcMode: string };
}

/**
 * Makes the /dev/shm of a container that shares it: a tmpfs of the host, which other containers can mount too (one made
 * inside a container cannot be reached from outside). Mounted already is no error.
 */
export function mountSharedMemory(directory: string, sizeBytes: number): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (isMountPoint(directory)) return;
  const flags = mountFlags.noSuid | mountFlags.noDev | mountFlags.noExec;
  mountTmpfs(directory, { source: 'shm', sizeBytes, mode: 0o1777, flags });
}

/** Takes it away; containers that have it mounted keep it. */
export function releaseSharedMemory(directory: string): void {
  unmount(directory, { lazy: true });
  rmSync(directory, { recursive: true, force: true });
}

/** Refuses to join the IPC namespace of a container that does not share it; throws `invalid-argument`, in Docker's words. */
export function checkShareableIpc({ id, hostConfig }: IpcDonor): void {
  if (hostConfig.IpcMode === 'shareable') return;
  throw fail(
    'invalid-argument',
    `failed to join IPC namespace: container ${id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}
