import { closeSync, constants as fsConstants, openSync, readFileSync } from 'node:fs';
import { check, hasCode, libc } from './errno.ts';

const openat2Number = 437n;
const resolveNoMagicLinks = 0x02n;
const resolveInRoot = 0x10n;
const closeOnExec = 0o2000000;
/** O_PATH: a handle on the place, for which no permission on the file is needed. */
export const pathOnly = 0o10000000;

const library = libc({ syscall: { args: ['i64', 'i64', 'buffer', 'buffer', 'i64'], returns: 'i64' } });

/**
 * Opens `path` as a process would whose root directory were `root`: symbolic links and `..` cannot lead out of it
 * (openat2(2), RESOLVE_IN_ROOT). Returns a descriptor; throws `SystemCallError`.
 */
export function openInRoot(root: string, path: string, flags: number = fsConstants.O_RDONLY): number {
  const directory = openSync(root, pathOnly | fsConstants.O_DIRECTORY);
  try {
    const how = Buffer.alloc(24);
    how.writeBigUInt64LE(BigInt(flags | closeOnExec), 0);
    how.writeBigUInt64LE(resolveInRoot | resolveNoMagicLinks, 16);
    const text = Buffer.from(`${path}\0`);
    return check('openat2', library().syscall(openat2Number, BigInt(directory), text, how, 24n), path);
  } finally {
    closeSync(directory);
  }
}

/** The text of a file below `root`, or undefined when there is none. A FIFO or device in its place is not waited for. */
export function readTextInRoot(root: string, path: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openInRoot(root, path, fsConstants.O_RDONLY | fsConstants.O_NONBLOCK | fsConstants.O_NOCTTY);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR') || hasCode(error, 'ELOOP')) return undefined;
    throw error;
  }
  try {
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
