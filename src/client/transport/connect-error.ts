import { EstibaError } from '#std/errors';
import type { Endpoint } from './endpoint.ts';

/** No engine answers at `endpoint`. Its message is Docker's; a caller that knows better what to do says so instead. */
export class ConnectError extends EstibaError {
  constructor(
    readonly endpoint: Endpoint,
    cause: unknown,
  ) {
    const denied = cause instanceof Error && 'code' in cause && cause.code === 'EACCES';
    super(
      'unavailable',
      denied
        ? `permission denied while trying to connect to the Docker daemon socket at ${endpoint.text}`
        : `Cannot connect to the Docker daemon at ${endpoint.text}. Is the docker daemon running?`,
      { cause },
    );
  }
}
