import { closeSync, constants as fsConstants, fstatSync, openSync, readSync } from 'node:fs';
import { fail } from '#std/errors';
import { check, hasCode, libc } from './errno.ts';

const openat2Number = 437n;
const resolveNoMagicLinks = 0x02n;
const resolveBeneath = 0x08n;
const resolveInRoot = 0x10n;
const closeOnExec = 0o2000000;
/** O_PATH: a handle on the place, for which no permission on the file is needed. */
export const pathOnly = 0o10000000;

const library = libc({ syscall: { args: ['i64', 'i64', 'buffer', 'buffer', 'i64'], returns: 'i64' } });

function openBelow(root: string, path: string, flags: number, resolve: bigint): number {
  const directory = openSync(root, pathOnly | fsConstants.O_DIRECTORY);
  try {
    const how = Buffer.alloc(24);
    how.writeBigUInt64LE(BigInt(flags | closeOnExec), 0);
    how.writeBigUInt64LE(resolve | resolveNoMagicLinks, 16);
    const text = Buffer.from(`${path}\0`);
    return check('openat2', library().syscall(openat2Number, BigInt(directory), text, how, 24n), path);
  } finally {
    closeSync(directory);
  }
}

/**
 * Opens `path` as a process would whose root directory were `root`: symbolic links and `..` cannot lead out of it
 * (openat2(2), RESOLVE_IN_ROOT). Returns a descriptor; throws `SystemCallError`.
 */
export function openInRoot(root: string, path: string, flags: number = fsConstants.O_RDONLY): number {
  return openBelow(root, path, flags, resolveInRoot);
}

const beneathAttempts = 20;

/**
 * Opens the place `path` below `root` (O_PATH), where a symbolic link or `..` that leads out of `root`, even for a step, is
 * an error: `EXDEV` (openat2(2), RESOLVE_BENEATH). Returns a descriptor; throws `SystemCallError`.
 */
export function openBeneath(root: string, path: string): number {
  for (let attempt = 1; ; attempt++) {
    try {
      return openBelow(root, path, pathOnly, resolveBeneath);
    } catch (error) {
      // Something was renamed on the way meanwhile, and the kernel could not tell whether it stayed below.
      if (!hasCode(error, 'EAGAIN') || attempt === beneathAttempts) throw error;
    }
  }
}

/** A user database of a megabyte is a hostile one. */
const textLimitBytes = 1024 * 1024;

/**
 * The text of a regular file below `root`, its first megabyte; undefined when there is none. What stands in its place is
 * the container's choice: a device or FIFO is never opened (a container may make device nodes, and the engine would open
 * them with its own rights), and a file without end is not read to its end. Nor is a file waited for on which a process of the
 * container holds a lease (fcntl(2), F_SETLEASE), which may take it 45 seconds to give up: that throws `unavailable`.
 */
export function readTextInRoot(root: string, path: string): string | undefined {
  let place: number;
  try {
    place = openInRoot(root, path, pathOnly);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR') || hasCode(error, 'ELOOP')) return undefined;
    throw error;
  }
  try {
    return fstatSync(place).isFile() ? readBounded(`/proc/self/fd/${place}`) : undefined;
  } finally {
    closeSync(place);
  }
}

function openUnleased(path: string): number {
  try {
    return openSync(path, fsConstants.O_RDONLY | fsConstants.O_NONBLOCK);
  } catch (error) {
    if (!hasCode(error, 'EAGAIN')) throw error;
    throw fail('unavailable', 'a process of the container holds a lease on a file that is needed', error);
  }
}

function readBounded(path: string): string {
  const descriptor = openUnleased(path);
  try {
    const buffer = Buffer.allocUnsafe(textLimitBytes);
    let lengthBytes = 0;
    for (let read = -1; read !== 0; lengthBytes += read) {
      read = readSync(descriptor, buffer, lengthBytes, textLimitBytes - lengthBytes, null);
    }
    return buffer.toString('utf8', 0, lengthBytes);
  } finally {
    closeSync(descriptor);
  }
}
