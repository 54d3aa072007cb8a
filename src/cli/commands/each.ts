import { ConnectError } from '#client';
import { failureText } from '../failure.ts';
import { writeErr, writeOut } from '../streams/text-output.ts';

/**
 * Does the same with each name, all at once; prints what each gives (its name, unless told otherwise) in their order,
 * failures to standard error. Resolves with the exit code: 1 when any failed.
 */
export async function forEachName(
  program: 'estiba' | 'docker',
  names: readonly string[],
  act: (name: string) => Promise<unknown>,
): Promise<number> {
  const results = await Promise.allSettled(names.map(act));
  let exitCode = 0;
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') {
      writeOut(`${typeof result.value === 'string' ? result.value : names[index]}\n`);
      continue;
    }
    // No engine is said once, not for every name.
    if (result.reason instanceof ConnectError) throw result.reason;
    writeErr(`${failureText(result.reason, program)}\n`);
    exitCode = 1;
  }
  return exitCode;
}
