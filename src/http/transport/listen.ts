import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from 'node:fs';
import type { ListenOptions, Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { fail, messageOf } from '#std/errors';
import type { Handle } from './connection.ts';
import { Connection } from './connection.ts';

/** A place where the API is served. */
export interface Listener {
  /** `unix:///path` or `tcp://ip:port`, the port being the one in use. */
  readonly address: string;
  /** Takes no more connections, ends streams and idle connections, and is done when the last one is gone. */
  close(): Promise<void>;
}

/** How long running requests may take to end when the listener closes. */
const closeGraceMs = 3000;

type Place =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** Parses a host as `--host` takes it. Throws `invalid-argument`. */
export function parseHost(host: string): Place {
  const unix = /^unix:\/\/(\/.+)$/.exec(host);
  if (unix?.[1] !== undefined) return { kind: 'unix', path: unix[1] };
  const tcp = /^tcp:\/\/(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]+)):(\d{1,5})\/?$/.exec(host);
  const address = tcp?.[1] ?? tcp?.[2];
  if (address === undefined || Number(tcp?.[3]) > 65535) {
    throw fail('invalid-argument', `invalid bind address (${host}): it must be unix:///path or tcp://ip:port`);
  }
  return { kind: 'tcp', host: address, port: Number(tcp?.[3]) };
}

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

function dockerGroup(): number {
  try {
    return Number(/^docker:[^:]*:(\d+):/m.exec(readFileSync('/etc/group', 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function bind(server: Server, options: ListenOptions, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(fail('conflict', `can't listen on ${host}: ${messageOf(error)}`, error)));
    server.listen(options, () => resolve());
  });
}

function addressOf(server: Server, place: Place): string {
  const address = server.address();
  if (place.kind === 'unix' || address === null || typeof address === 'string') {
    return `unix://${place.kind === 'unix' ? place.path : address}`;
  }
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

/** Serves `handle` on `unix:///path` (made 0660, of root and the docker group) or `tcp://ip:port`. */
export async function listen(host: string, handle: Handle): Promise<Listener> {
  const place = parseHost(host);
  const connections = new Map<Connection, Promise<void>>();
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 },
    (socket) => {
      const connection = new Connection(socket, handle);
      connections.set(
        connection,
        connection.serve().finally(() => connections.delete(connection)),
      );
    },
  );
  if (place.kind === 'unix') {
    await clearStale(place.path);
    await bind(server, { path: place.path, backlog: 1024 }, host);
    chmodSync(place.path, 0o660);
    if (process.getuid?.() === 0) chownSync(place.path, 0, dockerGroup());
  } else {
    await bind(server, { host: place.host, port: place.port, backlog: 1024 }, host);
  }
  const serving = () => Promise.all(connections.values());
  let closing: Promise<void> | undefined;
  return {
    address: addressOf(server, place),
    close: () => (closing ??= closeAll(server, new Set(connections.keys()), serving)),
  };
}
