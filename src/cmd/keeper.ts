import { parseArgs } from 'node:util';
import { runKeeper } from '#keeper/process';

/** Entry of the keeper process; started by the engine only. */
export async function keeperMain(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { 'exec-root': { type: 'string' } } });
  await runKeeper({ execRoot: values['exec-root'] ?? '/run/estiba' });
}
