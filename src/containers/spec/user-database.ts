import { readTextInRoot } from '#linux/open-in-root';
import type { UserDatabase } from './users.ts';

/** Reads the user database of a container's file system; nothing in it can lead the reader out of it. */
export function readUserDatabase(rootfs: string): UserDatabase {
  return {
    passwd: readTextInRoot(rootfs, 'etc/passwd') ?? '',
    group: readTextInRoot(rootfs, 'etc/group') ?? '',
  };
}
