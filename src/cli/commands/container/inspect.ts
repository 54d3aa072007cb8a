import { inspectContainer } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { inspectFormat } from '../../grammar/format-flag.ts';
import { asCommandFlag, inspectObjects } from '../inspect-objects.ts';

/** `container inspect`. */
export const containerInspect = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: {
    'as-command': asCommandFlag(),
    format: inspectFormat(),
    size: toggle('Sizes too', { short: 's' }),
  },
  args: { min: 1 },
  operands: ['container'],
  async run({ flags, args, engine, program }) {
    if (flags['as-command']) {
      const { printAsCommand } = await import('./as-command.ts');
      return printAsCommand(args, { ...flags, engine, program });
    }
    return inspectObjects(program, args, flags.format, (name) => inspectContainer(engine, name, { size: flags.size }), {
      shape: 'container',
    });
  },
});
