import { hasCode, lastErrno, libc, SystemCallError } from './errno.ts';

/** The largest value of an extended attribute that Linux knows (XATTR_SIZE_MAX). */
const largestBytes = 65536;

/** The same on all machines (Linux 6.13 and later have it). */
const listxattratNumber = 465n;
const atSymlinkNoFollow = 0x100n;

const library = libc({
  syscall: { args: ['i64', 'i64', 'buffer', 'i64', 'buffer', 'i64'], returns: 'i64' },
  lgetxattr: { args: ['buffer', 'buffer', 'buffer', 'u64'], returns: 'i64' },
  llistxattr: { args: ['buffer', 'buffer', 'u64'], returns: 'i64' },
});

function terminated(path: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(path), Buffer.of(0)]);
}

/** An extended attribute of a file, of a symbolic link itself; undefined when it has none of that name. */
export function readXattr(path: string | Buffer, name: string): Buffer | undefined {
  const value = Buffer.alloc(largestBytes);
  const count = library().lgetxattr(terminated(path), Buffer.from(`${name}\0`), value, BigInt(value.length));
  if (count >= 0) return Buffer.from(value.subarray(0, Number(count)));
  const error = new SystemCallError('lgetxattr', lastErrno(), name);
  if (hasCode(error, 'ENODATA') || hasCode(error, 'ENOTSUP')) return undefined;
  throw error;
}

/** Names of a file's extended attributes, of a symbolic link itself; none where the file system knows no such thing. */
export function listXattrs(path: string | Buffer): string[] {
  const names = Buffer.alloc(largestBytes);
  const count = library().llistxattr(terminated(path), names, BigInt(names.length));
  if (count >= 0) return names.subarray(0, Number(count)).toString('latin1').split('\0').filter(Boolean);
  const error = new SystemCallError('llistxattr', lastErrno());
  if (hasCode(error, 'ENOTSUP')) return [];
  throw error;
}

const listBytes = Buffer.allocUnsafe(largestBytes);
const noXattrs: ReadonlyMap<string, Buffer> = new Map();

let isListxattratThere = true;

/** Fills `listBytes`; returns how many bytes, negative when it fails. The way through /proc takes three times as long. */
function listAt(directory: number, name: string): number {
  if (isListxattratThere) {
    const path = Buffer.from(`${name}\0`, 'latin1');
    const size = BigInt(largestBytes);
    const count = Number(
      library().syscall(listxattratNumber, BigInt(directory), path, atSymlinkNoFollow, listBytes, size),
    );
    if (count >= 0 || !hasCode(new SystemCallError('listxattrat', lastErrno()), 'ENOSYS')) return count;
    isListxattratThere = false;
  }
  const path = Buffer.from(`/proc/self/fd/${directory}/${name}\0`, 'latin1');
  return Number(library().llistxattr(path, listBytes, BigInt(largestBytes)));
}

/** All extended attributes of a name in an open directory, of a symbolic link itself, as far as they may be read. */
export function readXattrsAt(directory: number, name: string): ReadonlyMap<string, Buffer> {
  const count = listAt(directory, name);
  // Most files have none.
  if (count <= 0) return noXattrs;
  const path = Buffer.from(`/proc/self/fd/${directory}/${name}\0`, 'latin1');
  const xattrs = new Map<string, Buffer>();
  for (const key of listBytes.toString('latin1', 0, count).split('\0')) {
    const value = key === '' ? undefined : tryReadXattr(path.subarray(0, -1), key);
    if (value !== undefined) xattrs.set(key, value);
  }
  return xattrs;
}

function tryReadXattr(path: Buffer, name: string): Buffer | undefined {
  try {
    return readXattr(path, name);
  } catch {
    return undefined;
  }
}
