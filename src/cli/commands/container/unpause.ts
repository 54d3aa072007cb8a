import { unpauseContainer } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { forEachName } from '../each.ts';

/** `container unpause`. */
export const unpause = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  flags: {},
  args: { min: 1 },
  operands: ['paused-container'],
  run: ({ program, args, engine }) => forEachName(program, args, (name) => unpauseContainer(engine, name)),
});
