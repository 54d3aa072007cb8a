import { pruneImages } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { confirm } from '../../streams/confirm.ts';
import { writeOut } from '../../streams/text-output.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { deletedImages, deletedText, reclaimedText } from '../prune-report.ts';

/** `image prune`. */
export const imagePrune = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    all: toggle('All that no container uses, and not only those without a name', { short: 'a' }),
    filter: filterFlag('imagesPrune', 'Remove those that match alone (until=TIME, label=NAME)', {}),
    force: toggle('Do not ask', { short: 'f' }),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine }) {
    const warning = flags.all
      ? 'This will remove all images without at least one container associated to them.'
      : 'This will remove all dangling images.';
    if (!flags.force && !(await confirm(warning))) return 0;
    const filters = toFilters([...flags.filter, `dangling=${!flags.all}`]);
    const { ImagesDeleted, SpaceReclaimed } = await pruneImages(engine, filters);
    writeOut(deletedText('Deleted Images', deletedImages(ImagesDeleted)) + reclaimedText(SpaceReclaimed));
    return 0;
  },
});
