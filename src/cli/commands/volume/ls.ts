import { listVolumes } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { formatOf, listFormat } from '../../grammar/format-flag.ts';
import { printListing } from '../../print/listing.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { volumeListing } from './listing.ts';

/** `volume ls`, sorted by name. */
export const volumeLs = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    cluster: toggle('Volumes of a cluster alone'),
    filter: filterFlag('volumes', 'List those that match alone (name=value)'),
    format: listFormat(),
    quiet: toggle('Names alone', { short: 'q' }),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine, config }) {
    const { Volumes, Warnings } = await listVolumes(engine, toFilters(flags.filter));
    const sorted = [...(Volumes ?? [])].sort((a, b) => a.Name.localeCompare(b.Name, undefined, { numeric: true }));
    const format = formatOf(flags, config.volumesFormat);
    writeOut(await printListing(volumeListing, sorted, format, { quiet: flags.quiet, quietTable: '{{.Name}}' }));
    for (const warning of Warnings ?? []) writeErr(`WARNING: ${warning}\n`);
    return 0;
  },
});
