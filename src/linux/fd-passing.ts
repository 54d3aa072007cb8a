import { dlopen, ptr } from 'bun:ffi';
import { constants } from 'node:os';
import { fail } from '#std/errors';
import { lazy } from '#std/lazy';
import { check, lastErrno } from './errno.ts';

const openLibrary = lazy(
  () =>
    dlopen('libc.so.6', {
      accept4: { args: ['i32', 'ptr', 'ptr', 'i32'], returns: 'i32' },
      bind: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
      close: { args: ['i32'], returns: 'i32' },
      listen: { args: ['i32', 'i32'], returns: 'i32' },
      recvmsg: { args: ['i32', 'ptr', 'i32'], returns: 'i64' },
      sendmsg: { args: ['i32', 'ptr', 'i32'], returns: 'i64' },
      setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
      socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
      socketpair: { args: ['i32', 'i32', 'i32', 'ptr'], returns: 'i32' },
    }).symbols,
);

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_PEEK_OFF = 42;
const SCM_RIGHTS = 1;
const MSG_PEEK = 0x2;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const headerSize = 16;
const maximumDescriptors = 16;

/** A listening unix socket of which descriptors are expected. The path must be shorter than 108 bytes (unix(7)). */
export function listenUnix(path: string): number {
  const library = openLibrary();
  const socket = check('socket', library.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const name = Buffer.from(path);
  const address = Buffer.alloc(110);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2, 0, 107);
  if (library.bind(socket, ptr(address), 2 + name.length + 1) !== 0 || library.listen(socket, 4) !== 0) {
    const errno = lastErrno();
    library.close(socket);
    throw fail('internal', `listen ${path}: errno ${errno}`);
  }
  return socket;
}

/** Accepts a connection that has been made already; undefined when there is none. */
export function acceptUnix(listener: number): number | undefined {
  const socket = openLibrary().accept4(listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket >= 0) return socket;
  if (lastErrno() === constants.errno.EAGAIN) return undefined;
  return check('accept4', -1);
}

/** A connected pair of stream sockets that holds much in flight, both close-on-exec. */
export function socketPair(bufferBytes: number): [number, number] {
  const library = openLibrary();
  const pair = new Int32Array(2);
  check('socketpair', library.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ptr(pair)));
  const [first = -1, second = -1] = pair;
  // Without CAP_NET_ADMIN the default size has to do.
  const size = new Int32Array([bufferBytes]);
  for (const socket of pair) library.setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, ptr(size), 4);
  return [first, second];
}

/** The structures of the one call in progress; kept, because the kernel sees addresses that no collector knows of. */
const vector = new BigUint64Array(2);
const control = Buffer.alloc(headerSize + maximumDescriptors * 4);
const header = new BigUint64Array(7);

/** Fills `struct msghdr` with one data buffer and the control buffer. */
function fillHeader(data: Uint8Array, controlLength: number): void {
  vector[0] = BigInt(ptr(data));
  vector[1] = BigInt(data.length);
  header.set([0n, 0n, BigInt(ptr(vector)), 1n, BigInt(ptr(control)), BigInt(controlLength), 0n]);
}

/** Sends bytes and descriptors as one message, without waiting: unix(7), SCM_RIGHTS. False when the socket is full. */
export function sendDescriptors(socket: number, data: Uint8Array, descriptors: readonly number[]): boolean {
  const length = headerSize + descriptors.length * 4;
  control.fill(0);
  control.writeBigUInt64LE(BigInt(length), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  for (const [index, descriptor] of descriptors.entries()) {
    control.writeInt32LE(descriptor, headerSize + index * 4);
  }
  fillHeader(data, Math.ceil(length / 8) * 8);
  const sent = openLibrary().sendmsg(socket, ptr(header), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (Number(sent) >= 0) return true;
  if (lastErrno() === constants.errno.EAGAIN) return false;
  check('sendmsg', -1);
  return false;
}

/** Has every later `peek` of that socket begin where the one before ended: SO_PEEK_OFF, socket(7). */
export function startPeeking(socket: number): void {
  const offset = new Int32Array([0]);
  check('setsockopt', openLibrary().setsockopt(socket, SOL_SOCKET, SO_PEEK_OFF, ptr(offset), 4));
}

/**
 * Receives one message of at most `length` bytes with its descriptors (close-on-exec), without waiting; undefined when
 * none is there or the peer has closed. With `peek` it stays there, and the descriptors are copies.
 */
export function receiveDescriptors(
  socket: number,
  length: number,
  peek = false,
): { readonly data: Buffer; readonly descriptors: number[] } | undefined {
  const data = Buffer.alloc(length);
  fillHeader(data, control.length);
  const received = Number(
    openLibrary().recvmsg(socket, ptr(header), MSG_DONTWAIT | MSG_CMSG_CLOEXEC | (peek ? MSG_PEEK : 0)),
  );
  if (received < 0) {
    if (lastErrno() === constants.errno.EAGAIN) return undefined;
    check('recvmsg', -1);
  }
  if (received === 0) return undefined;
  const descriptors: number[] = [];
  if (Number(header[5]) >= headerSize && control.readInt32LE(12) === SCM_RIGHTS) {
    const end = Number(control.readBigUInt64LE(0));
    for (let at = headerSize; at + 4 <= end; at += 4) descriptors.push(control.readInt32LE(at));
  }
  return { data: data.subarray(0, received), descriptors };
}
