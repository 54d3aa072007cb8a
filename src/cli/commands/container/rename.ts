import { ConnectError, renameContainer } from '#client';
import { messageOf } from '#std/errors';
import { CommandFailure } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';

/** `container rename`. */
export const rename = defineCommand({
  usage: 'CONTAINER NEW_NAME',
  flags: {},
  args: { min: 2, max: 2 },
  operands: ['container', 'none'],
  async run({ args, engine }) {
    const [container = '', name = ''] = args.map((arg) => arg.trim());
    if (container === '' || name === '') throw new CommandFailure('Error: Neither old nor new names may be empty');
    try {
      await renameContainer(engine, container, name);
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      const message = `${messageOf(error)}\nError: failed to rename container named ${container}`;
      throw new CommandFailure(message, 1, { cause: error });
    }
    return 0;
  },
});
