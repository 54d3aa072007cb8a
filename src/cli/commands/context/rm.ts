import { fail, messageOf } from '#std/errors';
import { removeContext } from '../../connection/context-store.ts';
import { defaultContext } from '../../connection/contexts.ts';
import { changeConfigFile } from '../../connection/write-config.ts';
import { CommandFailure } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { writeOut } from '../../streams/text-output.ts';

/** `context rm`: prints the name of each that it removes. */
export const contextRm = defineCommand({
  usage: 'CONTEXT [CONTEXT...]',
  flags: { force: toggle('The one in use too', { short: 'f' }) },
  args: { min: 1 },
  operands: ['context'],
  async run({ flags, args, configFolder, contextName, config }) {
    const failures: string[] = [];
    for (const name of args) {
      try {
        if (name === defaultContext) throw fail('invalid-argument', 'context "default" cannot be removed');
        const inUse = name === contextName;
        if (inUse && !flags.force) {
          throw fail('invalid-argument', `context "${name}" is in use, set -f flag to force remove`);
        }
        if (inUse && config.currentContext === name) {
          await changeConfigFile(configFolder, (changed) => delete changed.currentContext);
        }
        removeContext(configFolder, name);
        writeOut(`${name}\n`);
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    if (failures.length > 0) throw new CommandFailure(failures.join('\n'));
    return 0;
  },
});
