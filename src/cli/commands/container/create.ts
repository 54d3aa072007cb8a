import { existsSync, writeFileSync } from 'node:fs';
import { fail } from '#std/errors';
import { containerFlags } from '../../container-options/flags.ts';
import { createRequest } from '../../container-options/request.ts';
import { defineCommand } from '../../grammar/command.ts';
import { writeOut } from '../../streams/text-output.ts';
import { createPulling } from './missing-image.ts';

/** `container create`: prints the ID. */
export const create = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  flags: containerFlags,
  args: { min: 1 },
  interspersed: false,
  async run({ program, flags, given, args, engine }) {
    const [image = '', ...command] = args;
    if (flags.cidfile !== '' && existsSync(flags.cidfile)) {
      const message = `container ID file found, make sure the other container isn't running or delete ${flags.cidfile}`;
      throw fail('invalid-argument', message);
    }
    const body = createRequest({ values: flags, given, image, command });
    const { name, platform, pull, quiet } = flags;
    const { Id } = await createPulling(engine, body, { program, name, platform, pull, quiet });
    if (flags.cidfile !== '') writeFileSync(flags.cidfile, Id);
    writeOut(`${Id}\n`);
    return 0;
  },
});
