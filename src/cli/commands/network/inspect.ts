import { inspectNetwork } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { inspectFormat } from '../../grammar/format-flag.ts';
import { inspectObjects } from '../inspect-objects.ts';

/** `network inspect`. */
export const networkInspect = defineCommand({
  usage: '[OPTIONS] NETWORK [NETWORK...]',
  flags: { format: inspectFormat(), verbose: toggle('More detail', { short: 'v' }) },
  args: { min: 1 },
  operands: ['network'],
  run: ({ flags, args, engine, program }) =>
    inspectObjects(program, args, flags.format, (name) => inspectNetwork(engine, name, { verbose: flags.verbose }), {
      shape: 'network',
    }),
});
