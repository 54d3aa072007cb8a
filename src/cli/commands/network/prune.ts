import { pruneNetworks } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { confirm } from '../../streams/confirm.ts';
import { writeOut } from '../../streams/text-output.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { deletedText } from '../prune-report.ts';

/** `network prune`. */
export const networkPrune = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    filter: filterFlag('networksPrune', 'Remove those that match alone (until=TIME, label=NAME)', {}),
    force: toggle('Do not ask', { short: 'f' }),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine }) {
    const warning = 'This will remove all custom networks not used by at least one container.';
    if (!flags.force && !(await confirm(warning))) return 0;
    const { NetworksDeleted } = await pruneNetworks(engine, toFilters(flags.filter));
    writeOut(deletedText('Deleted Networks', NetworksDeleted));
    return 0;
  },
});
