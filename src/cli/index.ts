import { dispatch } from './dispatch.ts';
import { CommandFailure, failureText } from './failure.ts';
import type { Catalogue } from './grammar/catalogue.ts';
import type { Program } from './grammar/command.ts';
import { writeErr } from './streams/text-output.ts';
import { catalogue } from './table/index.ts';

export { defineCommand } from './grammar/command.ts';
export { type Entry, lazy } from './grammar/entry.ts';
export { type Flag, list, text, toggle, type ValueKind } from './grammar/flag.ts';

const failureExitCode = 1;

/**
 * Runs the command line interface with the words after the program's name; resolves with the exit code. `name` is the
 * program it was invoked as: under `docker` it speaks as the docker CLI does. `beside` are commands of the program that
 * are not of this room, for its help, completion and manual.
 */
export async function runCli(
  argv: readonly string[],
  options: { name: Program; version: string; beside?: Catalogue },
): Promise<number> {
  const { name, version, beside } = options;
  try {
    const entries = [...(beside?.entries ?? []), ...catalogue.entries];
    const groups = { ...catalogue.groups, ...beside?.groups };
    return await dispatch({ name, version, catalogue: { groups, entries } }, argv);
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
