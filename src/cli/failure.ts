import { EstibaError } from '#std/errors';

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
