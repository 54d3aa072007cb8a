import { restartContainer } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { integer, text } from '../../grammar/flag.ts';
import { forEachName } from '../each.ts';

/** `container restart`. */
export const restart = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: {
    signal: text('Signal to stop with', { short: 's', completes: 'signal' }),
    timeout: integer('Seconds to wait before the kill', { short: 't' }),
    time: integer('Seconds to wait before the kill', { hidden: true, deprecatedFor: 'timeout' }),
  },
  args: { min: 1 },
  operands: ['container'],
  run({ program, args, engine, flags }) {
    const t = flags.timeout ?? flags.time;
    return forEachName(program, args, (name) =>
      restartContainer(engine, name, { t, signal: flags.signal || undefined }),
    );
  },
});
