import { waitForContainer } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { forEachName } from '../each.ts';

/** `container wait`: prints the exit code of each when it has ended. */
export const wait = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  flags: {},
  args: { min: 1 },
  operands: ['container'],
  run: ({ program, args, engine }) =>
    forEachName(program, args, async (name) => {
      const { outcome } = await waitForContainer(engine, name, 'not-running');
      return String((await outcome).StatusCode);
    }),
});
