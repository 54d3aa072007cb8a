import { listContainers } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { integer, toggle } from '../../grammar/flag.ts';
import { formatOf, listFormat } from '../../grammar/format-flag.ts';
import { printListing } from '../../print/listing.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { containerListing } from './listing.ts';

/** `container ls`, better known as `ps`. */
export const ls = defineCommand({
  usage: '[OPTIONS]',
  examples: [
    ['ps -a --filter status=exited', 'Containers that have ended'],
    ['ps --format "table {{.Names}}\\t{{.Ports}}"', 'Choose the columns'],
  ],
  flags: {
    all: toggle('Those that do not run too', { short: 'a' }),
    filter: filterFlag('containers', 'List those that match alone (name=value)'),
    format: listFormat(),
    last: integer('List the last n that were created, running or not', { short: 'n' }),
    latest: toggle('List the last that was created, running or not', { short: 'l' }),
    'no-trunc': toggle('Show everything in full length'),
    quiet: toggle('IDs alone', { short: 'q' }),
    size: toggle('Show sizes', { short: 's' }),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine, config }) {
    let format = formatOf(flags, config.psFormat);
    if (flags.quiet && flags.format !== '') {
      writeErr('WARNING: Ignoring custom format, because both --format and --quiet are set.\n');
      format = '';
    }
    // Sizes cost the engine a walk through the files of each container.
    const size = flags.size || (!flags.quiet && /\.Size\b|\bjson\s+\.(?:[\s|)}]|$)/.test(format));
    const limit = flags.latest ? 1 : flags.last;
    const filters = toFilters(flags.filter);
    const containers = await listContainers(engine, { all: flags.all, limit, size, filters });
    const listing = containerListing({ truncated: !flags['no-trunc'], size: flags.size });
    writeOut(await printListing(listing, containers, format, flags));
    return 0;
  },
});
