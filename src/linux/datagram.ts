import { ptr } from 'bun:ffi';
import { constants } from 'node:os';
import { check, lastErrno, libc } from './errno.ts';

const openLibrary = libc({
  close: { args: ['i32'], returns: 'i32' },
  connect: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
  send: { args: ['i32', 'ptr', 'u64', 'i32'], returns: 'i64' },
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
});

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/**
 * A datagram socket connected to a unix socket: a path, or an abstract name that begins with `@` (unix(7)). Throws with the
 * errno's name as `code` where nobody listens.
 */
export function connectDatagram(path: string): number {
  const library = openLibrary();
  const name = Buffer.from(path.replace(/^@/, '\0'));
  const address = Buffer.alloc(2 + name.length + (path.startsWith('@') ? 0 : 1));
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  const socket = check('socket', library.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  try {
    check('connect', library.connect(socket, ptr(address), address.length), path);
  } catch (error) {
    library.close(socket);
    throw error;
  }
  return socket;
}

/** Sends one datagram over a connected socket without waiting; false when there is no room now. Throws when the other side is gone. */
export function sendOver(socket: number, bytes: Uint8Array): boolean {
  const sent = openLibrary().send(socket, ptr(bytes), BigInt(bytes.length), MSG_NOSIGNAL);
  if (Number(sent) >= 0) return true;
  const errno = lastErrno();
  if (errno === constants.errno.EAGAIN || errno === constants.errno.ENOBUFS) return false;
  return check('send', sent) >= 0;
}

/** Sends one datagram to a unix socket as `connectDatagram` names it. Throws on failure. */
export function sendDatagram(path: string, text: string): void {
  const socket = connectDatagram(path);
  try {
    check('send', sendOver(socket, Buffer.from(text)) ? 0 : -1, path);
  } finally {
    openLibrary().close(socket);
  }
}
