import { inspectVolume, updateVolume } from '#client';
import { CommandFailure } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';

/** `volume update`: only volumes of a cluster have something to change. */
export const volumeUpdate = defineCommand({
  usage: '[OPTIONS] [VOLUME]',
  flags: {
    availability: text('Availability of a cluster volume: active, pause or drain', {
      initial: 'active',
      shownDefault: '"active"',
      completes: ['active', 'pause', 'drain'],
    }),
  },
  args: { min: 0, max: 1 },
  operands: ['volume'],
  async run({ flags, args, engine }) {
    const [name = ''] = args;
    const { ClusterVolume } = (await inspectVolume(engine, name)) as {
      ClusterVolume?: { Version?: { Index: number } };
    };
    if (!ClusterVolume) throw new CommandFailure('can only update cluster volumes');
    const version = ClusterVolume.Version?.Index ?? 0;
    await updateVolume(engine, name, { version, availability: flags.availability });
    return 0;
  },
});
