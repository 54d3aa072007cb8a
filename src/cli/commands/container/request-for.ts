import type { ContainerCreateRequest } from '#api';
import { fail } from '#std/errors';
import { fileSystem } from '../../builtins.ts';
import { type ContainerFlags, pullPolicies } from '../../container-options/flags.ts';
import { checkImage, checkPlatformOption, createRequest } from '../../container-options/request.ts';
import { CommandFailure, failureText } from '../../failure.ts';
import type { FlagValues } from '../../grammar/flag.ts';
import { systemErrorText } from '../../values/system-errors.ts';

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
 * @throws `invalid-argument` for what can't be
 */
export function requestFor(line: {
  readonly flags: FlagValues<ContainerFlags>;
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
}): ContainerCreateRequest {
  const { flags, given, args } = line;
  const [image = '', ...command] = args;
  if (flags.pull !== '' && !pullPolicies.includes(flags.pull)) {
    const message = `invalid pull option: '${flags.pull}': must be one of "always", "missing" or "never"`;
    throw fail('invalid-argument', message);
  }
  return createRequest({ values: flags, given, image, command });
}

/**
 * What docker looks at when all options are read: the file for the ID, the image's name, the platform.
 * @throws `invalid-argument`, in docker's words
 */
export function checkCreation({ flags, args }: Pick<Parameters<typeof requestFor>[0], 'flags' | 'args'>): void {
  if (flags.cidfile !== '' && fileSystem().existsSync(flags.cidfile)) {
    const message = `container ID file found, make sure the other container isn't running or delete ${flags.cidfile}`;
    throw fail('invalid-argument', message);
  }
  checkImage(args[0] ?? '');
  checkPlatformOption(flags.platform);
}

/** 127 when something is not there, 126 when it can't be run, else 125: known by the words of the error alone. */
export function failureExitCode(message: string): number {
  if (/executable file not found|no such file or directory|system cannot find the file/i.test(message)) return 127;
  if (/permission denied|is a directory/i.test(message)) return 126;
  return 125;
}

/**
 * Keeps a file for the container's ID while the container is made, so that it is known before that it can be written;
 * the file goes when no container comes of it.
 * @throws `invalid-argument`
 */
export async function withIdFile<T extends { Id: string }>(path: string, create: () => Promise<T>): Promise<T> {
  if (path === '') return create();
  const { closeSync, openSync, rmSync, writeFileSync } = fileSystem();
  try {
    closeSync(openSync(path, 'wx'));
  } catch (error) {
    const message = `failed to create the container ID file: open ${path}: ${systemErrorText(error)}`;
    throw fail('invalid-argument', message, error);
  }
  try {
    const created = await create();
    writeFileSync(path, created.Id);
    return created;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}
