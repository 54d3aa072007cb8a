import { messageOf } from '#std/errors';
import { log } from '#std/log';

/**
 * Logs what nobody caught, and goes on: a fault in the service of one container must not take the process down that all
 * others depend on.
 */
export function surviveFaults(): void {
  const tell =
    (kind: string) =>
    (error: unknown): void => {
      const stack = error instanceof Error ? error.stack : undefined;
      log('error', kind, { error: messageOf(error), stack });
    };
  process.on('uncaughtException', tell('uncaught exception'));
  process.on('unhandledRejection', tell('unhandled rejection'));
}
