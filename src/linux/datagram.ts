import { dlopen, ptr } from 'bun:ffi';
import { lazy } from '#std/lazy';
import { check } from './errno.ts';

const openLibrary = lazy(
  () =>
    dlopen('libc.so.6', {
      close: { args: ['i32'], returns: 'i32' },
      sendto: { args: ['i32', 'ptr', 'u64', 'i32', 'ptr', 'u32'], returns: 'i64' },
      socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
    }).symbols,
);

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Sends one datagram to a unix socket: a path, or an abstract name that begins with `@` (unix(7)). Throws on failure. */
export function sendDatagram(path: string, text: string): void {
  const library = openLibrary();
  const name = Buffer.from(path.replace(/^@/, '\0'));
  const address = Buffer.alloc(2 + name.length + (path.startsWith('@') ? 0 : 1));
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  const message = Buffer.from(text);
  const socket = check('socket', library.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const sent = library.sendto(socket, ptr(message), BigInt(message.length), flags, ptr(address), address.length);
    check('sendto', Number(sent), path);
  } finally {
    library.close(socket);
  }
}
