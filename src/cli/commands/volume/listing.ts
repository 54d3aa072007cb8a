import type { Volume } from '#api';
import { printSize } from '#std/sizes';
import type { Listing } from '../../print/listing.ts';
import { printLabels } from '../../values/labels.ts';

const absent = (): string => 'N/A';

/** How volumes are listed. */
export const volumeListing: Listing<Volume> = {
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
  methods: { Label: ({ Labels }, name) => Labels?.[name] ?? '' },
  raw: [
    ['name', '{{.Name}}'],
    ['driver', '{{.Driver}}'],
  ],
};
