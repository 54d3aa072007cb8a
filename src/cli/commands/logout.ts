import { messageOf } from '#std/errors';
import { eraseCredentials, registryAddress } from '../connection/credentials.ts';
import { defineCommand } from '../grammar/command.ts';
import { writeErr, writeOut } from '../streams/text-output.ts';

/** `logout`. */
export const logout = defineCommand({
  usage: '[SERVER]',
  flags: {},
  args: { min: 0, max: 1 },
  async run({ args, config, configFolder }) {
    const address = registryAddress(args[0]);
    writeOut(`Removing login credentials for ${address}\n`);
    try {
      await eraseCredentials(configFolder, config, address);
    } catch (error) {
      writeErr(`WARNING: could not erase credentials:\n${address}: ${messageOf(error)}\n`);
    }
    return 0;
  },
});
