import { hasCode, lastErrno, libc, SystemCallError } from './errno.ts';

/** The largest value of an extended attribute that Linux knows (XATTR_SIZE_MAX). */
const largestBytes = 65536;

const library = libc({
  lgetxattr: { args: ['buffer', 'buffer', 'buffer', 'u64'], returns: 'i64' },
});

/** An extended attribute of a file, of a symbolic link itself; undefined when it has none of that name. */
export function readXattr(path: string, name: string): Buffer | undefined {
  const value = Buffer.alloc(largestBytes);
  const count = library().lgetxattr(Buffer.from(`${path}\0`), Buffer.from(`${name}\0`), value, BigInt(value.length));
  if (count >= 0) return Buffer.from(value.subarray(0, Number(count)));
  const error = new SystemCallError('lgetxattr', lastErrno(), name);
  if (hasCode(error, 'ENODATA') || hasCode(error, 'ENOTSUP')) return undefined;
  throw error;
}
