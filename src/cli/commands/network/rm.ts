import { removeNetwork } from '#client';
import { EstibaError } from '#std/errors';
import { CommandFailure, failureText } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';

/** `network rm`. */
export const networkRm = defineCommand({
  usage: 'NETWORK [NETWORK...]',
  flags: { force: toggle('It is no error that there is none', { short: 'f' }) },
  args: { min: 1 },
  operands: ['network'],
  async run({ flags, args, engine, program }) {
    let failed = false;
    for (const name of args) {
      try {
        await removeNetwork(engine, name);
        writeOut(`${name}\n`);
      } catch (error) {
        if (flags.force && error instanceof EstibaError && error.kind === 'not-found') continue;
        writeErr(`${failureText(error, program)}\n`);
        failed = true;
      }
    }
    if (failed) throw new CommandFailure('exit status 1');
    return 0;
  },
});
