import type { NetworkInspect } from '#api';
import { listNetworks } from '#client';
import { shortId } from '#std/identifiers';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { formatOf, listFormat } from '../../grammar/format-flag.ts';
import { type Listing, printListing } from '../../print/listing.ts';
import { printGoTime } from '../../print/times.ts';
import { writeOut } from '../../streams/text-output.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { printLabels } from '../../values/labels.ts';

function networkListing(truncated: boolean): Listing<NetworkInspect> {
  return {
    type: 'network.networkContext',
    table: '{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}',
    fields: {
      ID: { heading: 'NETWORK ID', text: ({ Id }) => (truncated ? shortId(Id) : Id) },
      Name: { heading: 'NAME', text: ({ Name }) => Name },
      Driver: { heading: 'DRIVER', text: ({ Driver }) => Driver },
      Scope: { heading: 'SCOPE', text: ({ Scope }) => Scope },
      IPv4: { heading: 'IPV4', text: ({ EnableIPv4 }) => String(EnableIPv4 ?? true) },
      IPv6: { heading: 'IPV6', text: ({ EnableIPv6 }) => String(EnableIPv6) },
      Internal: { heading: 'INTERNAL', text: ({ Internal }) => String(Internal) },
      Labels: { heading: 'LABELS', text: ({ Labels }) => printLabels(Labels) },
      CreatedAt: { heading: 'CREATED AT', text: ({ Created }) => printGoTime(Created) },
    },
    methods: { Label: ({ Labels }, name) => Labels[name] ?? '' },
    raw: [
      ['network_id', '{{.ID}}'],
      ['name', '{{.Name}}'],
      ['driver', '{{.Driver}}'],
      ['scope', '{{.Scope}}'],
    ],
  };
}

/** `network ls`, sorted by name. */
export const networkLs = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    filter: filterFlag('networks', 'List those that match alone (name=value)'),
    format: listFormat(),
    'no-trunc': toggle('Show everything in full length'),
    quiet: toggle('IDs alone', { short: 'q' }),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine, config }) {
    const networks = await listNetworks(engine, toFilters(flags.filter));
    networks.sort((a, b) => a.Name.localeCompare(b.Name, undefined, { numeric: true }));
    const listing = networkListing(!flags['no-trunc']);
    writeOut(await printListing(listing, networks, formatOf(flags, config.networksFormat), flags));
    return 0;
  },
});
