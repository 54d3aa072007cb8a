import { closeSync, constants as fsConstants, openSync } from 'node:fs';
import { libc } from './errno.ts';

const library = libc({ ioctl: { args: ['i32', 'u64', 'buffer'], returns: 'i32' } });

/** ioctl_iflags(2) */
const getFlags = 0x80086601n;
const setFlags = 0x40086602n;
const topDirectory = 0x00020000;

/**
 * Asks ext4 to place each directory made in this one in a part of the disk of its own (FS_TOPDIR_FL), as it does with
 * those of its root. Other file systems have no such wish, and are left alone.
 *
 * For trees that are made and removed whole. Where inodes were removed, ext4 makes no new ones for minutes but steps
 * over each of them, every time: a tree that comes where a like one has been takes seven times as long to make.
 */
export function spreadDirectories(path: string): void {
  const descriptor = openSync(path, fsConstants.O_RDONLY | fsConstants.O_DIRECTORY);
  try {
    const flags = Buffer.alloc(8);
    if (library().ioctl(descriptor, getFlags, flags) !== 0) return;
    const before = flags.readUInt32LE();
    if ((before & topDirectory) !== 0) return;
    flags.writeUInt32LE((before | topDirectory) >>> 0);
    library().ioctl(descriptor, setFlags, flags);
  } finally {
    closeSync(descriptor);
  }
}
