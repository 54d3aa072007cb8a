import { ptr } from 'bun:ffi';
import { check, hasCode, libc } from './errno.ts';
import { socketAddress } from './socket-address.ts';

const ipv6Family = 10;
const socketTypes = { tcp: 1, udp: 2, sctp: 1 } as const;
const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const;
const closeOnExec = 0o2000000;
const socketLevel = 1;
const reuseAddress = 2;
const receiveBuffer = 8;
const ipv6Level = 41;
const ipv6Only = 26;

/** A transport protocol whose ports can be published. */
export type PortProtocol = keyof typeof protocolNumbers;

const library = libc({
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  bind: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
  listen: { args: ['i32', 'i32'], returns: 'i32' },
  setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
});

const turnedOn = Buffer.from([1, 0, 0, 0]);

function tryReserve(protocol: PortProtocol, address: string, port: number, listening: boolean): Disposable {
  const { socket, bind, listen, setsockopt, close } = library();
  const type = socketTypes[protocol] | closeOnExec;
  const place = socketAddress(address, port);
  const family = place.readUInt16LE(0);
  const descriptor = check('socket', socket(family, type, protocolNumbers[protocol]), protocol);
  try {
    // Whatever arrives at the socket itself nobody will read.
    setsockopt(descriptor, socketLevel, receiveBuffer, ptr(Buffer.alloc(4)), 4);
    if (family === ipv6Family) setsockopt(descriptor, ipv6Level, ipv6Only, ptr(turnedOn), 4);
    if (listening) setsockopt(descriptor, socketLevel, reuseAddress, ptr(turnedOn), 4);
    check('bind', bind(descriptor, ptr(place), place.length), `${address}:${port}`);
    if (listening) check('listen', listen(descriptor, 0), `${address}:${port}`);
  } catch (error) {
    close(descriptor);
    throw error;
  }
  return { [Symbol.dispose]: () => void close(descriptor) };
}

/**
 * Takes a port of the host, so that no other process can have it while packets to it are redirected: a bound socket
 * that does not listen. Throws `SystemCallError` (EADDRINUSE, EADDRNOTAVAIL, EACCES). A protocol that the kernel has no
 * sockets of cannot be in use either, and is not reserved.
 */
export function reservePort(protocol: PortProtocol, address: string, port: number): Disposable {
  try {
    return tryReserve(protocol, address, port, false);
  } catch (error) {
    if (hasCode(error, 'EPROTONOSUPPORT') || hasCode(error, 'ESOCKTNOSUPPORT')) return { [Symbol.dispose]() {} };
    if (protocol !== 'tcp' || !hasCode(error, 'EADDRINUSE')) throw error;
    // It may be only connections of the past in TIME_WAIT. They do not stand in the way of a socket that may reuse the
    // address, but such a one keeps others off only while it listens.
    return tryReserve(protocol, address, port, true);
  }
}
