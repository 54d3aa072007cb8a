import { pruneContainers } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { confirm } from '../../streams/confirm.ts';
import { writeOut } from '../../streams/text-output.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { deletedText, reclaimedText } from '../prune-report.ts';

/** `container prune`. */
export const containerPrune = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    filter: filterFlag('containersPrune', 'Remove those that match alone (until=TIME, label=NAME)', {}),
    force: toggle('Do not ask', { short: 'f' }),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine }) {
    if (!flags.force && !(await confirm('This will remove all stopped containers.'))) return 0;
    const { ContainersDeleted, SpaceReclaimed } = await pruneContainers(engine, toFilters(flags.filter));
    writeOut(deletedText('Deleted Containers', ContainersDeleted) + reclaimedText(SpaceReclaimed));
    return 0;
  },
});
