import { parseArgs } from 'node:util';
import { runKeeper } from '#keeper/process';
import { surviveFaults } from './survive.ts';

/** Entry of the keeper process; started by the engine only. */
export async function keeperMain(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: { 'exec-root': { type: 'string' }, edition: { type: 'string' } },
  });
  surviveFaults();
  await runKeeper({ execRoot: values['exec-root'] ?? '/run/estiba', edition: values.edition ?? '' });
}
