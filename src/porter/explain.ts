import { hasCode, SystemCallError } from '#linux/errno';
import { fail } from '#std/errors';

/** Errors in the words of Go's syscall package, which clients see of Docker. */
const words: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'device or resource busy',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'file exists',
  EFBIG: 'file too large',
  EINVAL: 'invalid argument',
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  EMLINK: 'too many links',
  ENAMETOOLONG: 'file name too long',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENXIO: 'no such device or address',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
  ESTALE: 'stale file handle',
  EXDEV: 'invalid cross-device link',
};

/** A byte string as text. */
function text(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

/** What a failure over a path of a container means to the client, in Docker's words where it has some. */
export function explain(error: unknown, path: string, container: string): unknown {
  if (hasCode(error, 'ENOENT')) {
    return fail('not-found', `Could not find the file ${text(path)} in container ${container}`, error);
  }
  if (!(error instanceof SystemCallError)) return error;
  const subject = error.subject === undefined || error.subject === '' ? '' : ` ${text(error.subject)}`;
  return fail(error.kind, `${error.systemCall}${subject}: ${words[error.code] ?? error.code}`, error);
}
