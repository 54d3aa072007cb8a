import { defineCommand } from '../../grammar/command.ts';
import { writeOut } from '../../streams/text-output.ts';

/** `context show`. */
export const contextShow = defineCommand({
  usage: '',
  flags: {},
  args: { min: 0, max: 0 },
  async run({ contextName }) {
    writeOut(`${contextName}\n`);
    return 0;
  },
});
