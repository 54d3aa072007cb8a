import { ConnectError } from '#client';
import { EstibaError, messageOf } from '#std/errors';

/** Ends the command with an exit code; a message, if any, goes to standard error as it stands. */
export class CommandFailure extends EstibaError {
  constructor(
    message: string,
    readonly exitCode = 1,
    options?: ErrorOptions,
  ) {
    super('invalid-argument', message, options);
  }
}

/** What is shown of a failure; a missing engine is put in our own words when we are called by our own name. */
export function failureText(error: unknown, program: 'estiba' | 'docker'): string {
  if (!(error instanceof ConnectError) || program === 'docker') return messageOf(error);
  if (error.message.startsWith('permission denied')) return `${error.message}. Run this as root`;
  return `No engine answers at ${error.endpoint.text}. Start one with: estiba engine --detach`;
}
