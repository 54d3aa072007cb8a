import { renameContainer } from '#client';
import { defineCommand } from '../../grammar/command.ts';

/** `container rename`. */
export const rename = defineCommand({
  usage: 'CONTAINER NEW_NAME',
  flags: {},
  args: { min: 2, max: 2 },
  async run({ args, engine }) {
    const [container = '', name = ''] = args;
    await renameContainer(engine, container, name);
    return 0;
  },
});
