import { CString, dlopen, type FFIFunction, type Pointer, read } from 'bun:ffi';
import { constants } from 'node:os';
import { type ErrorKind, EstibaError, messageOf } from '#std/errors';
import { lazy } from '#std/lazy';

const errnoLocation = lazy(() => {
  const { symbols } = dlopen('libc.so.6', { __errno_location: { args: [], returns: 'ptr' } });
  return symbols.__errno_location() as Pointer;
});

/**
 * Functions of libc by their FFI signatures, opened at the first use. It finds errno's place too, beforehand: opening a
 * library between a failed call and the reading of its errno would overwrite it.
 */
export function libc<const T extends Record<string, FFIFunction>>(signatures: T) {
  return lazy(() => {
    errnoLocation();
    return dlopen('libc.so.6', signatures).symbols;
  });
}

/** A bridge is full: one that Node has no name for. */
const exchangeFull = 54;

const names = new Map<number, string>([
  ...Object.entries(constants.errno)
    .reverse()
    .map(([name, number]): [number, string] => [number, name]),
  [exchangeFull, 'EXFULL'],
]);

/** Kinds that a caller can act on; every other failure of a system call is an internal error. */
const kinds: Readonly<Record<string, ErrorKind>> = { ENOSPC: 'exhausted', EDQUOT: 'exhausted' };

/** A failed system call: `code` is the errno's name (`ENOENT`), `systemCall` what was called. */
export class SystemCallError extends EstibaError {
  readonly code: string;
  constructor(
    readonly systemCall: string,
    readonly errno: number,
    readonly subject?: string,
  ) {
    const code = names.get(errno) ?? `errno ${errno}`;
    super(kinds[code] ?? 'internal', `${systemCall}${subject === undefined ? '' : ` ${subject}`}: ${code}`);
    this.code = code;
  }
}

/**
 * The calling thread's errno, for functions opened with `libc`. It must be read straight after the call that failed,
 * before anything that could make a system call of its own.
 */
export function lastErrno(): number {
  return read.i32(errnoLocation(), 0);
}

/** Throws a `SystemCallError` when `result` is negative, as libc reports failure; else returns it as a number. */
export function check(systemCall: string, result: number | bigint, subject?: string): number {
  if (result < 0) throw new SystemCallError(systemCall, lastErrno(), subject);
  return Number(result);
}

/** Whether `error` is a failed system call (ours or Node's) with that errno's name. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

const fileRefusals = [
  'ENAMETOOLONG',
  'EINVAL',
  'ENOTDIR',
  'ELOOP',
  'ENOENT',
  'EISDIR',
  'EPERM',
  'ERANGE',
  'E2BIG',
  'EFBIG',
];

/** Whether the kernel refuses to make a file as it is asked to: its name, its target, its owner, its attributes. */
export function isRefusedFile(error: unknown): boolean {
  return fileRefusals.some((code) => hasCode(error, code));
}

const messages = libc({ strerror: { args: ['i32'], returns: 'ptr' } });

/** Why a system call (ours or Node's) failed, in strerror(3)'s words as Go writes them: `no such file or directory`. */
export function reasonOf(error: unknown): string {
  const errno = error instanceof Error && 'errno' in error ? Number(error.errno) : Number.NaN;
  const text = Number.isInteger(errno) ? messages().strerror(Math.abs(errno)) : null;
  return text === null ? messageOf(error) : new CString(text).toString().toLowerCase();
}
