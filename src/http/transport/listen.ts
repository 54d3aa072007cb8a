import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from 'node:fs';
import type { ListenOptions, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { Handle } from './connection.ts';
import { Connection } from './connection.ts';
import { type Place, parseHost } from './place.ts';
import type { TlsMaterial } from './tls.ts';

/** A place where the API is served. */
export interface Listener {
  /** `unix:///path`, `tcp://ip:port` with the port that is in use, or `fd://`. */
  readonly address: string;
  /** Takes no more connections, ends streams and idle connections, and is done when the last one is gone. */
  close(): Promise<void>;
}

/** How long running requests may take to end when the listener closes. */
const closeGraceMs = 3000;
/** How long a client may take to show its certificate. */
const handshakeTimeoutMs = 30_000;

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Removes the socket file of an engine that is no more; refuses to touch a living one, or anything else. */
async function clearStale(path: string): Promise<void> {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return;
  if (!status.isSocket()) throw fail('conflict', `can't create unix socket ${path}: a file that is no socket is there`);
  if (await answers(path)) throw fail('conflict', `can't create unix socket ${path}: another engine listens on it`);
  unlinkSync(path);
}

/** The id of a group, by its name or number; root's when there is none of that name. */
function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  try {
    const lines = readFileSync('/etc/group', 'utf8').split('\n');
    return Number(lines.find((line) => line.startsWith(`${group}:`))?.split(':')[2] ?? 0);
  } catch {
    return 0;
  }
}

function bind(server: Server, options: ListenOptions | { fd: number }, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(fail('conflict', `can't listen on ${host}: ${messageOf(error)}`, error)));
    server.listen(options, () => resolve());
  });
}

function addressOf(server: Server, place: Place): string {
  const address = server.address();
  if (place.kind === 'unix') return `unix://${place.path}`;
  if (address === null || typeof address === 'string' || address.address === undefined) return 'fd://';
  return `tcp://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

async function closeAll(
  server: Server,
  connections: ReadonlySet<Connection>,
  serving: () => Promise<unknown>,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const connection of connections) connection.drain();
  const timer = setTimeout(() => {
    for (const connection of connections) connection.destroy();
  }, closeGraceMs);
  await serving();
  clearTimeout(timer);
  await closed;
}

/** How a place is served. */
export interface ServeOptions {
  /** Encrypts TCP, and with an authority in it asks clients for their certificate. */
  readonly tls?: TlsMaterial;
  /** Who, beside root, may use the unix socket: a name or a number. */
  readonly group?: string;
  /** For `fd://`: the open socket to accept from. */
  readonly descriptor?: number;
}

const socketOptions = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };

function makeServer(accept: (socket: Socket) => void, tls: TlsMaterial | undefined): Server {
  if (tls === undefined) return createServer(socketOptions, accept);
  const server = createTlsServer(
    {
      ...socketOptions,
      cert: tls.certificate,
      key: tls.key,
      minVersion: 'TLSv1.2',
      handshakeTimeout: handshakeTimeoutMs,
      ...(tls.authority !== undefined && { ca: tls.authority, requestCert: true, rejectUnauthorized: true }),
    },
    accept,
  );
  server.on('tlsClientError', (error) => log('warn', 'TLS handshake failed', { error: messageOf(error) }));
  return server;
}

async function open(server: Server, place: Place, host: string, options: ServeOptions): Promise<void> {
  const backlog = 1024;
  if (place.kind === 'descriptor') {
    if (options.descriptor === undefined) throw fail('invalid-argument', `no socket was handed over for ${host}`);
    return bind(server, { fd: options.descriptor }, host);
  }
  if (place.kind === 'tcp') {
    const port = place.port ?? (options.tls === undefined ? 2375 : 2376);
    return bind(server, { host: place.host, port, backlog }, host);
  }
  await clearStale(place.path);
  await bind(server, { path: place.path, backlog }, host);
  chmodSync(place.path, 0o660);
  if (process.getuid?.() === 0) chownSync(place.path, 0, groupId(options.group ?? 'docker'));
}

/** Fails as `listen` would at a place that another has, and takes nothing: for before there is anything to serve. */
export async function checkFree(host: string, options: ServeOptions = {}): Promise<void> {
  const place = parseHost(host);
  if (place.kind === 'unix') return clearStale(place.path);
  if (place.kind === 'descriptor') return;
  const server = createServer();
  await open(server, place, host, options);
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

/** Serves `handle` on `unix:///path` (made 0660, of root and the group), `tcp://ip:port`, or a socket that was handed over. */
export async function listen(host: string, handle: Handle, options: ServeOptions = {}): Promise<Listener> {
  const place = parseHost(host);
  const connections = new Map<Connection, Promise<void>>();
  const accept = (socket: Socket): void => {
    const connection = new Connection(socket, handle);
    connections.set(
      connection,
      connection.serve().finally(() => connections.delete(connection)),
    );
  };
  const server = makeServer(accept, place.kind === 'tcp' ? options.tls : undefined);
  await open(server, place, host, options);
  const serving = () => Promise.all(connections.values());
  let closing: Promise<void> | undefined;
  return {
    address: addressOf(server, place),
    close: () => (closing ??= closeAll(server, new Set(connections.keys()), serving)),
  };
}
