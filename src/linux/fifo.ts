import { dlopen, ptr } from 'bun:ffi';
import { constants } from 'node:os';
import { lazy } from '#std/lazy';
import { check, lastErrno } from './errno.ts';

const openLibrary = lazy(
  () =>
    dlopen('libc.so.6', {
      close: { args: ['i32'], returns: 'i32' },
      fcntl: { args: ['i32', 'i32', 'i64'], returns: 'i32' },
      ioctl: { args: ['i32', 'u64', 'ptr'], returns: 'i32' },
      mkfifo: { args: ['ptr', 'u32'], returns: 'i32' },
      open: { args: ['ptr', 'i32', 'u32'], returns: 'i32' },
      pipe2: { args: ['ptr', 'i32'], returns: 'i32' },
      poll: { args: ['ptr', 'u64', 'i32'], returns: 'i32' },
      read: { args: ['i32', 'ptr', 'u64'], returns: 'i64' },
      splice: { args: ['i32', 'ptr', 'i32', 'ptr', 'u64', 'u32'], returns: 'i64' },
      tee: { args: ['i32', 'i32', 'u64', 'u32'], returns: 'i64' },
      write: { args: ['i32', 'ptr', 'u64'], returns: 'i64' },
    }).symbols,
);

const O_NONBLOCK = 0o4000;
const O_ASYNC = 0o20000;
const O_NOCTTY = 0o400;
const O_CLOEXEC = 0o2000000;
const F_SETFL = 4;
const F_GETFL = 3;
const F_SETOWN = 8;
const F_SETPIPE_SZ = 1031;
const FIONREAD = 0x541bn;
const SPLICE_F_NONBLOCK = 2;
const POLLOUT = 4;
const { EAGAIN, EINTR, EIO, EPIPE } = constants.errno;

/** How a descriptor is opened: `both` on a FIFO never blocks and never sees the other side vanish (fifo(7)). */
export type AccessMode = 'read' | 'write' | 'both';
const accessFlags: Readonly<Record<AccessMode, number>> = { read: 0, write: 1, both: 2 };

/** Makes a FIFO that only its owner may open by name. */
export function makeFifo(path: string): void {
  check('mkfifo', openLibrary().mkfifo(ptr(Buffer.from(`${path}\0`)), 0o600), path);
}

/** Opens a file close-on-exec; with `blocking` false, reads and writes return at once. */
export function openDescriptor(path: string, mode: AccessMode, blocking: boolean): number {
  const flags = accessFlags[mode] | O_CLOEXEC | O_NOCTTY | (blocking ? 0 : O_NONBLOCK);
  return check('open', openLibrary().open(ptr(Buffer.from(`${path}\0`)), flags, 0), path);
}

/** Closes a descriptor. */
export function closeDescriptor(descriptor: number): void {
  openLibrary().close(descriptor);
}

/** An anonymous pipe, both ends non-blocking and close-on-exec. */
export function makePipe(): { readonly readEnd: number; readonly writeEnd: number } {
  const pair = new Int32Array(2);
  check('pipe2', openLibrary().pipe2(ptr(pair), O_CLOEXEC | O_NONBLOCK));
  return { readEnd: pair[0] ?? -1, writeEnd: pair[1] ?? -1 };
}

/** An anonymous pipe for another process to write to: only its reading end never waits; both are close-on-exec. */
export function makeCapture(): { readonly readEnd: number; readonly writeEnd: number } {
  const pair = new Int32Array(2);
  check('pipe2', openLibrary().pipe2(ptr(pair), O_CLOEXEC));
  const [readEnd = -1, writeEnd = -1] = pair;
  setNonBlocking(readEnd);
  return { readEnd, writeEnd };
}

/** Sets how many bytes a pipe holds; false when it may not be that large. */
export function setPipeSize(descriptor: number, bytes: number): boolean {
  return openLibrary().fcntl(descriptor, F_SETPIPE_SZ, BigInt(bytes)) >= 0;
}

/** Makes a descriptor's reads and writes return at once, without touching its other flags. */
export function setNonBlocking(descriptor: number): void {
  const flags = check('fcntl', openLibrary().fcntl(descriptor, F_GETFL, 0n));
  check('fcntl', openLibrary().fcntl(descriptor, F_SETFL, BigInt(flags | O_NONBLOCK)));
}

/** Has the kernel send SIGIO to this process when a (non-blocking) descriptor becomes ready: fcntl(2), F_SETOWN, O_ASYNC. */
export function setSignalling(descriptor: number, on: boolean): void {
  const library = openLibrary();
  if (on) check('fcntl', library.fcntl(descriptor, F_SETOWN, BigInt(process.pid)));
  check('fcntl', library.fcntl(descriptor, F_SETFL, BigInt(O_NONBLOCK | (on ? O_ASYNC : 0))));
}

/**
 * Reads what is there into `target`. Returns the number of bytes; 0 at the end of the stream, which for a terminal's
 * master is EIO (pty(7)); undefined when nothing is there now.
 */
export function readDescriptor(descriptor: number, target: Uint8Array, length: number): number | undefined {
  for (;;) {
    const result = Number(openLibrary().read(descriptor, ptr(target), BigInt(length)));
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    if (errno === EIO) return 0;
    if (errno !== EINTR) check('read', -1);
  }
}

/** Writes what fits now and returns how much that was; undefined when the reader is gone. */
export function writeDescriptor(descriptor: number, source: Uint8Array): number | undefined {
  if (source.length === 0) return 0;
  for (;;) {
    const result = Number(openLibrary().write(descriptor, ptr(source), BigInt(source.length)));
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno === EAGAIN) return 0;
    if (errno === EPIPE || errno === EIO) return undefined;
    if (errno !== EINTR) check('write', -1);
  }
}

/**
 * Copies up to `length` bytes from one pipe to another without consuming them: tee(2). Returns their number; 0 at the
 * end of the stream; undefined when nothing is there now.
 */
export function copyPipe(from: number, to: number, length: number): number | undefined {
  for (;;) {
    const result = Number(openLibrary().tee(from, to, BigInt(length), SPLICE_F_NONBLOCK));
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) check('tee', -1);
  }
}

/**
 * Moves up to `length` bytes from a terminal's master to a pipe in one system call, so that they are never in this
 * process alone: splice(2). Returns their number; 0 at the terminal's end; undefined when nothing is there now or the
 * pipe is full.
 */
export function movePipe(from: number, to: number, length: number): number | undefined {
  for (;;) {
    const result = Number(openLibrary().splice(from, null, to, null, BigInt(length), SPLICE_F_NONBLOCK));
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    if (errno === EIO) return 0;
    if (errno !== EINTR) check('splice', -1);
  }
}

const countBuffer = new Int32Array(1);

/** How many bytes can be read now: ioctl FIONREAD. */
export function readableBytes(descriptor: number): number {
  check('ioctl FIONREAD', openLibrary().ioctl(descriptor, FIONREAD, ptr(countBuffer)));
  return countBuffer[0] ?? 0;
}

/** Whether a descriptor that is open for writing takes any more now. A pipe may be full of few bytes, in many pieces. */
export function isWritable(descriptor: number): boolean {
  const request = Buffer.alloc(8);
  request.writeInt32LE(descriptor, 0);
  request.writeInt16LE(POLLOUT, 4);
  return openLibrary().poll(ptr(request), 1n, 0) > 0;
}
