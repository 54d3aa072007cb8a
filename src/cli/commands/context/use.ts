import { defaultContext, readContext } from '../../connection/contexts.ts';
import { changeConfigFile } from '../../connection/write-config.ts';
import { defineCommand } from '../../grammar/command.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';

/** `context use`: prints the name. */
export const contextUse = defineCommand({
  usage: 'CONTEXT',
  flags: {},
  args: { min: 1, max: 1 },
  operands: ['context'],
  async run({ args, configFolder }) {
    const [name = ''] = args;
    if (name !== defaultContext) readContext(configFolder, name);
    await changeConfigFile(configFolder, (config) => {
      if (name === defaultContext) delete config.currentContext;
      else config.currentContext = name;
    });
    writeOut(`${name}\n`);
    writeErr(`Current context is now "${name}"\n`);
    if (name !== defaultContext && process.env.DOCKER_HOST) {
      writeErr(
        `Warning: DOCKER_HOST environment variable overrides the active context. To use "${name}", either set the global --context flag, or unset DOCKER_HOST environment variable.\n`,
      );
    }
    return 0;
  },
});
