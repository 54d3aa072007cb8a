import { removeImage } from '#client';
import { EstibaError } from '#std/errors';
import { failureText } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { strings, toggle } from '../../grammar/flag.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';
import { apiPlatform } from '../../values/platforms.ts';

/** `image rm`, also `rmi`: one after the other, for a name may depend on another. */
export const imageRm = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  flags: {
    force: toggle('Remove it though it has other names or stopped containers', { short: 'f' }),
    'no-prune': toggle('Leave parents without a name'),
    platform: strings('Remove the variants of these platforms alone (os[/arch[/variant]])'),
  },
  args: { min: 1 },
  operands: ['image'],
  async run({ flags, args, engine, program }) {
    const { force, 'no-prune': noprune } = flags;
    const platforms = flags.platform.flatMap((value) => apiPlatform(value) ?? []);
    let exitCode = 0;
    for (const name of args) {
      try {
        for (const item of await removeImage(engine, name, { force, noprune, platforms })) {
          writeOut('Untagged' in item ? `Untagged: ${item.Untagged}\n` : `Deleted: ${item.Deleted}\n`);
        }
      } catch (error) {
        writeErr(`${failureText(error, program)}\n`);
        const absent = error instanceof EstibaError && error.kind === 'not-found';
        if (!(force && absent)) exitCode = 1;
      }
    }
    return exitCode;
  },
});
