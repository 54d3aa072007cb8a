import { killContainer } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { forEachName } from '../each.ts';

/** `container kill`. */
export const kill = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: { signal: text('Signal to send, by name or number (KILL)', { short: 's', completes: 'signal' }) },
  args: { min: 1 },
  operands: ['running-container'],
  run: ({ program, args, engine, flags }) =>
    forEachName(program, args, (name) => killContainer(engine, name, { signal: flags.signal || undefined })),
});
