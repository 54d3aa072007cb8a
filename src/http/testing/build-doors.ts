import type { Duplex } from 'node:stream';
import { fail } from '#std/errors';
import type { BuildDoors } from '../build/doors.ts';

/** Gives back what comes, until the client ends. */
async function echo(connection: Duplex): Promise<void> {
  connection.on('data', (chunk: Buffer) => connection.write(chunk));
  connection.resume();
  await new Promise<void>((resolve) => {
    connection.on('end', () => connection.end());
    connection.on('close', () => resolve());
  });
}

/** Doors behind which an echo is; a session's begins with what was offered. */
export function memoryBuildDoors(): BuildDoors {
  return {
    async openSession(offer) {
      if (offer.id === 'taken') throw fail('invalid-argument', `session ${offer.id} already exists`);
      return async (connection) => {
        connection.write(`${JSON.stringify(offer)}\n`);
        await echo(connection);
      };
    },
    buildOfSession: () => Promise.reject(fail('not-found', 'no session')),
    cancelBuild: async () => undefined,
    serveGrpc: echo,
  };
}
