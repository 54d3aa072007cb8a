import { ConnectError } from '#client';
import { CommandFailure, failureText } from '../failure.ts';
import { printInspection } from '../print/inspection.ts';
import { writeOut } from '../streams/text-output.ts';

/** A format that fails has still begun its line. */
async function printFound(found: readonly unknown[], format: string): Promise<string> {
  if (found.length === 0 && format !== '' && format !== 'json') return '\n';
  try {
    return await printInspection(found, format);
  } catch (error) {
    writeOut('\n');
    throw error;
  }
}

/** Asks for each name, prints those that there are, and fails with what the others lack. */
export async function inspectObjects(
  program: 'estiba' | 'docker',
  names: readonly string[],
  format: string,
  find: (name: string) => Promise<unknown>,
): Promise<number> {
  const results = await Promise.allSettled(names.map(find));
  const found = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const unreachable = failures.find((error) => error instanceof ConnectError);
  if (unreachable !== undefined) throw unreachable;
  writeOut(await printFound(found, format));
  if (failures.length === 0) return 0;
  throw new CommandFailure(failures.map((error) => failureText(error, program)).join('\n'));
}
