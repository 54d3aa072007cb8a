import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { connectDatagram, sendOver } from '#linux/datagram';
import { hasCode } from '#linux/errno';
import { closeDescriptor } from '#linux/fifo';
import { fail } from '#std/errors';
import type { JournalTarget, SyslogTarget } from '../../protocol.ts';

const connectTimeoutMs = 10_000;
/** A server that takes nothing for so long is given up, and tried anew. */
const sendTimeoutMs = 30_000;
const datagramPauseMs = 20;

/** A connection to a log server. */
export interface Transport {
  /** Resolves when the messages are on their way; rejects when the server is gone. */
  send(messages: readonly Buffer[]): Promise<void>;
  close(): void;
}

/** Connects; rejects when the server does not answer. */
export function openTransport(target: SyslogTarget | JournalTarget): Promise<Transport> {
  if (target.driver === 'journald') return openUnixDatagram(target.socket);
  switch (target.transport) {
    case 'unixgram':
      return openUnixDatagram(target.address);
    case 'udp':
      return openUdp(target.address);
    default:
      return openStream(target);
  }
}

/** Host and port of `host:port`, where an IPv6 address is in brackets. */
function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) };
}

async function openUnixDatagram(path: string): Promise<Transport> {
  const socket = connectDatagram(path);
  return {
    async send(messages) {
      const deadline = performance.now() + sendTimeoutMs;
      for (const message of messages) {
        while (!trySend(socket, message)) {
          if (performance.now() > deadline) throw fail('unavailable', `${path} takes nothing`);
          await Bun.sleep(datagramPauseMs);
        }
      }
    },
    close: () => closeDescriptor(socket),
  };
}

/** A message that no datagram can hold is left out: sent again it would fail again. */
function trySend(socket: number, message: Buffer): boolean {
  try {
    return sendOver(socket, message);
  } catch (error) {
    if (hasCode(error, 'EMSGSIZE')) return true;
    throw error;
  }
}

async function openUdp(address: string): Promise<Transport> {
  const { host, port } = hostAndPort(address);
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  // A server that is not there answers with an error of an earlier datagram: UDP promises nothing.
  socket.on('error', () => undefined);
  return {
    async send(messages) {
      for (const message of messages) {
        await new Promise<void>((resolve) => socket.send(message, port, host, () => resolve()));
      }
    },
    close: () => socket.close(),
  };
}

function connectTo({ transport, address, tls }: SyslogTarget): Socket {
  if (transport === 'unix') return connectPlain({ path: address });
  const place = hostAndPort(address);
  if (transport === 'tcp') return connectPlain(place);
  const file = (path: string | undefined): Buffer | undefined => (path === undefined ? undefined : readFileSync(path));
  const [ca, cert, key] = [file(tls?.ca), file(tls?.cert), file(tls?.key)];
  return connectTls({
    ...place,
    // A server name is a name (RFC 6066, section 3): a certificate for an address is checked without one.
    ...(isIP(place.host) === 0 && { servername: place.host }),
    rejectUnauthorized: tls?.skipVerify !== true,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  });
}

/** Resolves at `event`; rejects when the socket closes before that, or nothing happens for too long. */
function happening(socket: Socket, event: string, timeoutMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let reason: Error = fail('unavailable', 'the connection was closed');
  const onError = (error: Error): void => {
    reason = error;
  };
  const onClose = (): void => reject(reason);
  const timer = setTimeout(() => {
    reason = fail('unavailable', 'the server does not answer');
    socket.destroy();
    reject(reason);
  }, timeoutMs);
  socket.once(event, resolve);
  socket.once('error', onError);
  socket.once('close', onClose);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.off(event, resolve);
    socket.off('error', onError);
    socket.off('close', onClose);
  });
}

async function openStream(target: SyslogTarget): Promise<Transport> {
  const socket = connectTo(target);
  socket.on('error', () => undefined);
  let ended = false;
  // What a server says is of no interest, but its end is.
  socket.on('data', () => undefined);
  for (const event of ['end', 'close']) socket.on(event, () => (ended = true));
  await happening(socket, target.transport === 'tcp+tls' ? 'secureConnect' : 'connect', connectTimeoutMs);
  return {
    async send(messages) {
      if (ended) throw fail('unavailable', 'the server closed the connection');
      if (!socket.write(Buffer.concat(messages))) await happening(socket, 'drain', sendTimeoutMs);
    },
    close: () => socket.destroySoon(),
  };
}
