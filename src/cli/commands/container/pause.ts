import { pauseContainer } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { forEachName } from '../each.ts';

/** `container pause`. */
export const pause = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  flags: {},
  args: { min: 1 },
  operands: ['running-container'],
  run: ({ program, args, engine }) => forEachName(program, args, (name) => pauseContainer(engine, name)),
});
