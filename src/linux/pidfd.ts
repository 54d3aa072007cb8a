import { dlopen, ptr } from 'bun:ffi';
import { constants } from 'node:os';
import { lazy } from '#std/lazy';
import { check, lastErrno } from './errno.ts';

const openLibrary = lazy(
  () =>
    dlopen('libc.so.6', {
      close: { args: ['i32'], returns: 'i32' },
      ioctl: { args: ['i32', 'u64', 'ptr'], returns: 'i32' },
      poll: { args: ['ptr', 'u64', 'i32'], returns: 'i32' },
      syscall: { args: ['i64', 'i64', 'i64', 'i64', 'i64'], returns: 'i64' },
    }).symbols,
);

const SYS_pidfd_send_signal = 424n;
const SYS_pidfd_open = 434n;
const SYS_pidfd_getfd = 438n;
/** _IOWR(0xff, 11, struct pidfd_info) with the structure's first published size, 64 bytes. */
const PIDFD_GET_INFO = 0xc040ff0bn;
const PIDFD_INFO_EXIT = 1n << 3n;
const POLLIN = 1;

/** Opens a descriptor that names one process for ever, also when its number is used again; undefined when there is none. */
export function openPidfd(pid: number): number | undefined {
  const descriptor = Number(openLibrary().syscall(SYS_pidfd_open, BigInt(pid), 0n, 0n, 0n));
  if (descriptor >= 0) return descriptor;
  if (lastErrno() === constants.errno.ESRCH) return undefined;
  check('pidfd_open', -1, String(pid));
  return undefined;
}

/** Sends a signal; false when the process has ended. */
export function signalPidfd(pidfd: number, signal: number): boolean {
  const result = openLibrary().syscall(SYS_pidfd_send_signal, BigInt(pidfd), BigInt(signal), 0n, 0n);
  if (result === 0n || Number(result) === 0) return true;
  if (lastErrno() === constants.errno.ESRCH) return false;
  check('pidfd_send_signal', -1);
  return false;
}

/** Takes a copy of a descriptor of another process: pidfd_getfd(2). */
export function takeDescriptor(pidfd: number, descriptor: number): number {
  const result = openLibrary().syscall(SYS_pidfd_getfd, BigInt(pidfd), BigInt(descriptor), 0n, 0n);
  return check('pidfd_getfd', result, String(descriptor));
}

/**
 * Wait status of a process that has been reaped, by whomever, while this pidfd (or a copy of it) was open: ioctl
 * PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15. Undefined when it was not reaped yet or the kernel cannot tell.
 */
export function exitStatusOf(pidfd: number): number | undefined {
  const info = Buffer.alloc(64);
  info.writeBigUInt64LE(PIDFD_INFO_EXIT, 0);
  if (openLibrary().ioctl(pidfd, PIDFD_GET_INFO, ptr(info)) !== 0) return undefined;
  if ((info.readBigUInt64LE(0) & PIDFD_INFO_EXIT) === 0n) return undefined;
  return info.readInt32LE(60);
}

/** Whether the process has ended (it may still be a zombie). */
export function hasEnded(pidfd: number): boolean {
  const request = Buffer.alloc(8);
  request.writeInt32LE(pidfd, 0);
  request.writeInt16LE(POLLIN, 4);
  return openLibrary().poll(ptr(request), 1n, 0) > 0;
}

/** Closes a pidfd. */
export function closePidfd(pidfd: number): void {
  openLibrary().close(pidfd);
}
