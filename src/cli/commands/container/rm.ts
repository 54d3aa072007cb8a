import { removeContainer } from '#client';
import { EstibaError } from '#std/errors';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { forEachName } from '../each.ts';

/** `container rm`. */
export const rm = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: {
    force: toggle('Kill it first when it runs', { short: 'f' }),
    link: toggle('Remove the link of that name', { short: 'l' }),
    volumes: toggle('Remove its anonymous volumes too', { short: 'v' }),
  },
  args: { min: 1 },
  operands: ['container'],
  async run({ program, args, engine, flags }) {
    const { force, link, volumes: v } = flags;
    let failures = 0;
    await forEachName(program, args, async (name) => {
      try {
        await removeContainer(engine, name.replace(/^\/+/, ''), { force, link, v });
      } catch (error) {
        // With --force the aim is that it is gone, and it is; that it was never there is said all the same.
        if (!(force && error instanceof EstibaError && error.kind === 'not-found')) failures++;
        throw error;
      }
    });
    return failures > 0 ? 1 : 0;
  },
});
