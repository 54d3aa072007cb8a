import type { ContainerCreateRequest } from '#api';
import { containerFlags } from '../../container-options/flags.ts';
import { defineCommand } from '../../grammar/command.ts';
import { writeOut } from '../../streams/text-output.ts';
import { createPulling } from './missing-image.ts';
import { checkCreation, requestFor, usageFailure, withIdFile } from './request-for.ts';

const badRequestExitCode = 125;

/** `container create`: prints the ID. */
export const create = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  flags: containerFlags,
  args: { min: 1 },
  operands: ['image', 'none'],
  interspersed: false,
  async run(invocation) {
    const { program, flags, engine, config } = invocation;
    let body: ContainerCreateRequest;
    try {
      body = requestFor(invocation);
    } catch (error) {
      throw usageFailure(invocation, error, badRequestExitCode);
    }
    checkCreation(invocation);
    const { name, platform, pull, quiet } = flags;
    const { Id } = await withIdFile(flags.cidfile, () =>
      createPulling(engine, body, { program, name, platform, pull, quiet, config }),
    );
    writeOut(`${Id}\n`);
    return 0;
  },
});
