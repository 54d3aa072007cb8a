import { ConnectError } from '#client';
import { CommandFailure, failureText } from '../failure.ts';
import { type Flag, toggle } from '../grammar/flag.ts';
import { type InspectionOptions, printInspection } from '../print/inspection.ts';
import { writeOut } from '../streams/text-output.ts';

/** The `--as-command` flag. */
export const asCommandFlag = (): Flag<boolean> => toggle('The command line that makes a container like this one');

/** Asks for each name, prints those that there are, and fails with what the others lack. */
export async function inspectObjects(
  program: 'estiba' | 'docker',
  names: readonly string[],
  format: string,
  find: (name: string) => Promise<unknown>,
  options: InspectionOptions = {},
): Promise<number> {
  const results = await Promise.allSettled(names.map(find));
  const found = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const unreachable = failures.find((error) => error instanceof ConnectError);
  if (unreachable !== undefined) throw unreachable;
  const { text, failures: unprinted } = await printInspection(found, format, options);
  writeOut(text);
  if (failures.length + unprinted.length === 0) return 0;
  throw new CommandFailure([...failures.map((error) => failureText(error, program)), ...unprinted].join('\n'));
}
