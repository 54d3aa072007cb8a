import { ptr } from 'bun:ffi';
import { constants } from 'node:os';
import { check, lastErrno, libc, SystemCallError } from './errno.ts';

const ipv4Family = 2;
const unspecifiedFamily = 0;
const stream = 1;
const datagram = 2;
const withoutWaiting = 0o4000;
const closeOnExec = 0o2000000;
const noSignal = 0x4000;
const socketLevel = 1;
const reuseAddress = 2;
const pendingError = 4;
const receiveBufferForced = 33;

const library = libc({
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  bind: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
  listen: { args: ['i32', 'i32'], returns: 'i32' },
  connect: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
  accept4: { args: ['i32', 'ptr', 'ptr', 'i32'], returns: 'i32' },
  recv: { args: ['i32', 'ptr', 'u64', 'i32'], returns: 'i64' },
  send: { args: ['i32', 'ptr', 'u64', 'i32'], returns: 'i64' },
  sendto: { args: ['i32', 'ptr', 'u64', 'i32', 'ptr', 'u32'], returns: 'i64' },
  setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
  getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
});

/**
 * Opens a socket that never waits, of the address family of `like`. It belongs for life to the network namespace in which
 * it was opened.
 */
export function openSocket(protocol: 'udp' | 'tcp', like?: Buffer): number {
  const family = like === undefined ? ipv4Family : like.readUInt16LE(0);
  const type = (protocol === 'udp' ? datagram : stream) | withoutWaiting | closeOnExec;
  return check('socket', library().socket(family, type, 0), protocol);
}

/** Closes it; what is open no more is no error. */
export function closeSocket(descriptor: number): void {
  library().close(descriptor);
}

/** Lets a TCP socket be bound to a port that connections of the past still have (TIME_WAIT). */
export function allowReuse(descriptor: number): void {
  library().setsockopt(descriptor, socketLevel, reuseAddress, ptr(Buffer.from([1, 0, 0, 0])), 4);
}

/** Binds it; throws `SystemCallError` (EADDRINUSE, EACCES, …). */
export function bindSocket(descriptor: number, address: Buffer): void {
  check('bind', library().bind(descriptor, ptr(address), address.length));
}

/** Makes a bound socket take connections, of which `backlog` may wait. */
export function listenOn(descriptor: number, backlog: number): void {
  check('listen', library().listen(descriptor, backlog));
}

/** Lets so many bytes wait at a socket, also beyond the host's limit where the caller may (CAP_NET_ADMIN). */
export function setReceiveBuffer(descriptor: number, bytes: number): void {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(bytes, 0);
  library().setsockopt(descriptor, socketLevel, receiveBufferForced, ptr(value), 4);
}

/** Connects; undefined when it is done or under way, else why not (`ENETUNREACH`, …). */
export function connectSocket(descriptor: number, address: Buffer): SystemCallError | undefined {
  if (library().connect(descriptor, ptr(address), address.length) === 0) return undefined;
  const errno = lastErrno();
  return errno === constants.errno.EINPROGRESS ? undefined : new SystemCallError('connect', errno);
}

const nobody = Buffer.alloc(16);
nobody.writeUInt16LE(unspecifiedFamily, 0);

/** Undoes the connection of a UDP socket: with its next one it gets another source port. */
export function disconnectSocket(descriptor: number): void {
  library().connect(descriptor, ptr(nobody), nobody.length);
}

/** What came of a call that did not do its work: it may be tried later, or it failed. */
export type Failure = 'later' | SystemCallError;

const laterErrnos = new Set([constants.errno.EAGAIN, constants.errno.EINTR, constants.errno.ECONNABORTED]);

function outcome(systemCall: string, result: number | bigint): number | Failure {
  if (result >= 0) return Number(result);
  const errno = lastErrno();
  if (laterErrnos.has(errno)) return 'later';
  return new SystemCallError(systemCall, errno);
}

/** The next connection, which never waits either. */
export function acceptConnection(descriptor: number): number | Failure {
  return outcome('accept4', library().accept4(descriptor, null, null, withoutWaiting | closeOnExec));
}

/** Bytes received into `into`; 0 is the end of a stream, or an empty datagram. */
export function receiveFrom(descriptor: number, into: Buffer): number | Failure {
  return outcome('recv', library().recv(descriptor, ptr(into), into.length, 0));
}

/** Bytes taken: of a stream maybe fewer than given. */
export function sendTo(descriptor: number, bytes: Buffer, address?: Buffer): number | Failure {
  if (address === undefined) {
    return outcome('send', library().send(descriptor, ptr(bytes), bytes.length, noSignal));
  }
  const { sendto } = library();
  return outcome('sendto', sendto(descriptor, ptr(bytes), bytes.length, noSignal, ptr(address), address.length));
}

/** Why a connection that was under way failed; undefined when it stands. */
export function connectionFailure(descriptor: number): SystemCallError | undefined {
  const value = Buffer.alloc(4);
  const length = Buffer.from([4, 0, 0, 0]);
  check('getsockopt', library().getsockopt(descriptor, socketLevel, pendingError, ptr(value), ptr(length)));
  const errno = value.readInt32LE(0);
  return errno === 0 ? undefined : new SystemCallError('connect', errno);
}
