import type { Volume } from '#api';
import { listVolumes } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { listFormat } from '../../grammar/format-flag.ts';
import { type Listing, printListing } from '../../print/listing.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { printLabels } from '../../values/labels.ts';
import { printSize } from '../../values/sizes.ts';

const absent = (): string => 'N/A';

const listing: Listing<Volume> = {
  type: 'volumeContext',
  table: '{{.Driver}}\t{{.Name}}',
  fields: {
    Name: { heading: 'VOLUME NAME', text: ({ Name }) => Name },
    Driver: { heading: 'DRIVER', text: ({ Driver }) => Driver },
    Scope: { heading: 'SCOPE', text: ({ Scope }) => Scope },
    Mountpoint: { heading: 'MOUNTPOINT', text: ({ Mountpoint }) => Mountpoint },
    Labels: { heading: 'LABELS', text: ({ Labels }) => printLabels(Labels) },
    Links: { heading: 'LINKS', text: ({ UsageData }) => (UsageData ? String(UsageData.RefCount) : 'N/A') },
    Size: { heading: 'SIZE', text: ({ UsageData }) => (UsageData ? printSize(UsageData.Size) : 'N/A') },
    Group: { heading: 'GROUP', text: absent },
    Availability: { heading: 'AVAILABILITY', text: absent },
    Status: { heading: 'STATUS', text: absent },
  },
  methods: { Label: ({ Labels }, name) => Labels?.[String(name)] ?? '' },
};

/** `volume ls`, sorted by name. */
export const volumeLs = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    filter: filterFlag('List those that match alone (name=value)'),
    format: listFormat(),
    quiet: toggle('Names alone', { short: 'q' }),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine }) {
    const { Volumes, Warnings } = await listVolumes(engine, toFilters(flags.filter));
    const sorted = [...(Volumes ?? [])].sort((a, b) => a.Name.localeCompare(b.Name, undefined, { numeric: true }));
    writeOut(await printListing(listing, sorted, flags.quiet && flags.format === '' ? '{{.Name}}' : flags.format));
    for (const warning of Warnings ?? []) writeErr(`WARNING: ${warning}\n`);
    return 0;
  },
});
