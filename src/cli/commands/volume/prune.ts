import { pruneVolumes } from '#client';
import { fail } from '#std/errors';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { confirm } from '../../streams/confirm.ts';
import { writeOut } from '../../streams/text-output.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { deletedText, reclaimedText } from '../prune-report.ts';

/** `volume prune`. */
export const volumePrune = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    all: toggle('Those with a name too', { short: 'a' }),
    filter: filterFlag('volumesPrune', 'Remove those that match alone (label=NAME)', {}),
    force: toggle('Do not ask', { short: 'f' }),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine }) {
    const all = flags.filter.find((text) => /^all=/.test(text));
    if (flags.all && all !== undefined) {
      throw fail('invalid-argument', `conflicting options: cannot specify both --all and --filter ${all}`);
    }
    const warning = flags.all
      ? 'This will remove all local volumes not used by at least one container.'
      : 'This will remove anonymous local volumes not used by at least one container.';
    if (!flags.force && !(await confirm(warning))) return 0;
    const filters = toFilters([...flags.filter, ...(flags.all ? ['all=true'] : [])]);
    const { VolumesDeleted, SpaceReclaimed } = await pruneVolumes(engine, filters);
    writeOut(deletedText('Deleted Volumes', VolumesDeleted) + reclaimedText(SpaceReclaimed));
    return 0;
  },
});
