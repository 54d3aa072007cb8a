import { removeVolume } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { forEachName } from '../each.ts';

/** `volume rm`. */
export const volumeRm = defineCommand({
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  flags: { force: toggle('It is no error that there is none', { short: 'f' }) },
  args: { min: 1 },
  operands: ['volume'],
  run: ({ flags, args, engine, program }) =>
    forEachName(program, args, (name) => removeVolume(engine, name, { force: flags.force })),
});
