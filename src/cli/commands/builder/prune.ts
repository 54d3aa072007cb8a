import { pruneBuildCache } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { list, toggle } from '../../grammar/flag.ts';
import { confirm } from '../../streams/confirm.ts';
import { writeOut } from '../../streams/text-output.ts';
import { toFilters } from '../../values/filters.ts';
import { bytes } from '../../values/sizes.ts';
import { deletedText, reclaimedText } from '../prune-report.ts';

/** `builder prune`. */
export const builderPrune = defineCommand({
  usage: '[OPTIONS]',
  examples: [
    ['builder prune --force', 'Remove what no image and no build uses'],
    ['builder prune --all --max-used-space 2GB', 'Remove what was used longest ago, down to 2 GB'],
  ],
  flags: {
    all: toggle('What images have in common with it too', { short: 'a' }),
    filter: list('Remove what matches alone (until=24h, type=exec.cachemount, id=ID)', { type: 'filter' }),
    force: toggle('Do not ask', { short: 'f' }),
    'keep-storage': { ...bytes('The same as --reserved-space', { hidden: true }) },
    'max-used-space': bytes('Remove until no more than this is used'),
    'min-free-space': bytes('Remove until so much of the disk is free'),
    'reserved-space': bytes('So much always stays'),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine }) {
    const warning = flags.all ? 'This will remove all build cache.' : 'This will remove all dangling build cache.';
    if (!flags.force && !(await confirm(warning))) return 0;
    const { CachesDeleted, SpaceReclaimed } = await pruneBuildCache(engine, {
      all: flags.all,
      reservedSpaceBytes: flags['reserved-space'] || flags['keep-storage'],
      maxUsedSpaceBytes: flags['max-used-space'],
      minFreeSpaceBytes: flags['min-free-space'],
      filters: toFilters(flags.filter),
    });
    writeOut(deletedText('Deleted build cache objects', CachesDeleted) + reclaimedText(SpaceReclaimed));
    return 0;
  },
});
