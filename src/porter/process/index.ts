import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { serveSession } from './session.ts';

/**
 * Runs a porter: it serves sessions on a unix socket until its standard input ends, which is when its engine is gone. One thread
 * serves all its sessions in turn; the engine starts another porter rather than wait for a busy one.
 */
export async function runPorter(options: { socketPath: string }): Promise<void> {
  const { socketPath } = options;
  rmSync(socketPath, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => void serveSession(socket));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  process.stdin.on('end', resolve);
  process.stdin.on('close', resolve);
  process.stdin.resume();
  server.listen({ path: socketPath, backlog: 128 });
  await promise;
  rmSync(socketPath, { force: true });
}
