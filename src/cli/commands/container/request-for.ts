import type { ContainerCreateRequest } from '#api';
import { fail } from '#std/errors';
import { fileSystem } from '../../builtins.ts';
import type { ContainerFlags } from '../../container-options/flags.ts';
import { createRequest } from '../../container-options/request.ts';
import { CommandFailure, failureText } from '../../failure.ts';
import type { FlagValues } from '../../grammar/flag.ts';

/** The failure of `run` and `create` in docker's form: who says it, and where help is. */
export function usageFailure(
  invocation: { readonly program: 'estiba' | 'docker'; readonly commandPath: string },
  error: unknown,
  exitCode: number,
): CommandFailure {
  if (error instanceof CommandFailure) return error;
  const { program, commandPath } = invocation;
  const message = `${program}: ${failureText(error, program)}\n\nRun '${commandPath} --help' for more information`;
  return new CommandFailure(message, exitCode, { cause: error });
}

/**
 * The request for the container that the command line asks for.
 * @throws `invalid-argument` for what can't be, or when the file for its ID is there already
 */
export function requestFor(line: {
  readonly flags: FlagValues<ContainerFlags>;
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
}): ContainerCreateRequest {
  const { flags, given, args } = line;
  const [image = '', ...command] = args;
  const body = createRequest({ values: flags, given, image, command });
  if (flags.cidfile !== '' && fileSystem().existsSync(flags.cidfile)) {
    const message = `container ID file found, make sure the other container isn't running or delete ${flags.cidfile}`;
    throw fail('invalid-argument', message);
  }
  return body;
}
