import { dispatch } from './dispatch.ts';
import { CommandFailure, failureText } from './failure.ts';
import type { Program } from './grammar/command.ts';
import { writeErr } from './streams/text-output.ts';

const failureExitCode = 1;

/**
 * Runs the command line interface with the words after the program's name; resolves with the exit code. `name` is the
 * program it was invoked as: under `docker` it speaks as the docker CLI does.
 */
export async function runCli(argv: readonly string[], options: { name: Program; version: string }): Promise<number> {
  try {
    return await dispatch(options.name, options.version, argv);
  } catch (error) {
    const text = failureText(error, options.name);
    try {
      if (text !== '') writeErr(`${text}\n`);
    } catch {
      // Standard error is gone: the exit code says it too.
    }
    return error instanceof CommandFailure ? error.exitCode : failureExitCode;
  }
}
