import { createVolume } from '#client';
import { fail } from '#std/errors';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { writeOut } from '../../streams/text-output.ts';
import { labelFlag, pairs, toRecord } from '../../values/key-values.ts';

/** `volume create`: prints the name. */
export const volumeCreate = defineCommand({
  usage: '[OPTIONS] [VOLUME]',
  flags: {
    driver: text('Driver of the volume', { short: 'd', initial: 'local', shownDefault: '"local"' }),
    label: labelFlag('Set a label (name=value)'),
    name: text('Name of the volume', { hidden: true }),
    opt: pairs('Options of the driver (name=value)', { short: 'o' }),
  },
  args: { min: 0, max: 1 },
  async run({ flags, args, engine }) {
    if (flags.name !== '' && args.length > 0) {
      throw fail(
        'invalid-argument',
        'conflicting options: cannot specify a volume-name through both --name and as a positional arg',
      );
    }
    const volume = await createVolume(engine, {
      Name: args[0] ?? flags.name,
      Driver: flags.driver,
      DriverOpts: toRecord(flags.opt),
      Labels: toRecord(flags.label),
    });
    writeOut(`${volume.Name}\n`);
    return 0;
  },
});
