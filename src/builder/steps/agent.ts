import { chmodSync, chownSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream';
import { pathOnly } from '#linux/open-in-root';
import { fail } from '#std/errors';
import type { SecretRequest } from '../graph/operation.ts';
import type { BuildSession } from '../session/session.ts';
import type { StepRun } from '../solver/types.ts';

/** The client that offers an agent; undefined when none does and it may be missing. Throws `not-found` in BuildKit's words. */
export async function findAgent(
  { id, isOptional }: Pick<SecretRequest, 'id' | 'isOptional'>,
  { context }: Pick<StepRun, 'context'>,
): Promise<BuildSession | undefined> {
  for (const session of context.sessions) if (await session.hasAgent(id)) return session;
  if (isOptional) return undefined;
  throw fail('not-found', `unset ssh forward key ${id || 'default'}`);
}

function serve(session: BuildSession, id: string, clients: Set<Socket>): Server {
  return createServer({ allowHalfOpen: true }, (client) => {
    clients.add(client);
    client.once('close', () => clients.delete(client));
    client.on('error', () => client.destroy());
    session.connectAgent(id).then(
      (agent) => {
        pipeline(client, agent, () => undefined);
        pipeline(agent, client, () => undefined);
      },
      () => client.destroy(),
    );
  });
}

/** Listens at `path`, a socket of the step's own, and leads whoever connects to the client's agent. Returns what ends it. */
export async function forwardAgent(session: BuildSession, path: string, request: SecretRequest): Promise<() => void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const clients = new Set<Socket>();
  const server = serve(session, request.id, clients);
  // A socket's address may be no longer than 107 bytes, whatever the exec root is called.
  const directory = openSync(dirname(path), pathOnly);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen(`/proc/self/fd/${directory}/${basename(path)}`, resolve);
    await promise;
  } catch (error) {
    closeSync(directory);
    throw error;
  }
  // Its address is taken away when it closes: until then the descriptor must mean that directory.
  server.once('close', () => closeSync(directory));
  chownSync(path, request.uid, request.gid);
  chmodSync(path, request.mode);
  return () => {
    server.close();
    for (const client of clients) client.destroy();
  };
}
