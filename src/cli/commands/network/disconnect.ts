import { disconnectNetwork } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';

/** `network disconnect`. */
export const networkDisconnect = defineCommand({
  usage: '[OPTIONS] NETWORK CONTAINER',
  flags: { force: toggle('Though the container is not there', { short: 'f' }) },
  args: { min: 2, max: 2 },
  operands: ['network', 'container'],
  async run({ flags, args, engine }) {
    const [network = '', container = ''] = args;
    await disconnectNetwork(engine, network, { Container: container, Force: flags.force });
    return 0;
  },
});
