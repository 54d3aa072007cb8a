import { parseArgs } from 'node:util';
import { runPorter } from '#porter/process';
import { fail } from '#std/errors';
import { surviveFaults } from './survive.ts';

/** Entry of a porter process; started by the engine only. */
export async function porterMain(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { socket: { type: 'string' } } });
  if (values.socket === undefined) throw fail('invalid-argument', 'the porter needs --socket');
  surviveFaults();
  await runPorter({ socketPath: values.socket });
}
