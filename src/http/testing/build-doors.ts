import { fail } from '#std/errors';
import type { BuildDoors } from '../build/doors.ts';

/** Doors behind which nobody is: a connection that comes through is closed. */
export function memoryBuildDoors(): BuildDoors {
  return {
    openSession: async () => async (connection) => void connection.destroy(),
    buildOfSession: () => Promise.reject(fail('not-found', 'no session')),
    cancelBuild: async () => undefined,
    serveGrpc: async (connection) => void connection.destroy(),
  };
}
