import type { ContainerSummary } from '#api';
import { shortId } from '#std/identifiers';
import { printSize } from '#std/sizes';
import { ellipsis } from '../../print/columns.ts';
import type { Listing } from '../../print/listing.ts';
import { printPorts } from '../../print/port-ranges.ts';
import { printAgo, printLocalTime } from '../../print/times.ts';
import { printLabels } from '../../values/labels.ts';

const commandLength = 20;
const mountLength = 15;

function imageText({ Image, ImageID }: ContainerSummary, truncated: boolean): string {
  if (Image === '') return '<no image>';
  if (!truncated) return Image;
  if (Image === ImageID || Image === shortId(ImageID)) return shortId(ImageID);
  return Image.replace(/@sha256:[0-9a-f]+$/, '');
}

/** Names without their slash; the names under which other containers link it only in full. */
function nameText(names: readonly string[], truncated: boolean): string {
  const own = names.map((name) => name.replace(/^\//, ''));
  return (truncated ? own.filter((name) => !name.includes('/')) : own).join(',');
}

function sizeText({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary, virtual: boolean): string {
  const written = printSize(SizeRw, 3);
  return virtual && SizeRootFs > 0 ? `${written} (virtual ${printSize(SizeRootFs, 3)})` : written;
}

/** How containers are listed. */
export function containerListing(options: {
  truncated: boolean;
  size: boolean;
  /** Whether the size with the image's is shown too. */
  virtual?: boolean;
}): Listing<ContainerSummary> {
  const { truncated, size, virtual = true } = options;
  const columns = ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names', ...(size ? ['Size'] : [])];
  return {
    type: 'ContainerContext',
    isProbed: true,
    table: columns.map((name) => `{{.${name}}}`).join('\t'),
    fields: {
      ID: { heading: 'CONTAINER ID', text: ({ Id }) => (truncated ? shortId(Id) : Id) },
      Names: { heading: 'NAMES', text: ({ Names }) => nameText(Names, truncated) },
      Image: { heading: 'IMAGE', text: (row) => imageText(row, truncated) },
      Command: {
        heading: 'COMMAND',
        text: ({ Command }) => JSON.stringify(truncated ? ellipsis(Command, commandLength) : Command),
      },
      CreatedAt: { heading: 'CREATED AT', text: ({ Created }) => printLocalTime(Created * 1000) },
      RunningFor: { heading: 'CREATED', text: ({ Created }) => printAgo(Created * 1000) },
      Ports: { heading: 'PORTS', text: ({ Ports }) => printPorts(Ports ?? []) },
      State: { heading: 'STATE', text: ({ State }) => State },
      Status: { heading: 'STATUS', text: ({ Status }) => Status },
      Size: { heading: 'SIZE', text: (row) => sizeText(row, virtual) },
      Labels: { heading: 'LABELS', text: ({ Labels }) => printLabels(Labels) },
      Mounts: {
        heading: 'MOUNTS',
        text: ({ Mounts }) =>
          (Mounts ?? [])
            .map(({ Name, Source }) => Name || Source)
            .map((name) => (truncated ? ellipsis(name, mountLength) : name))
            .join(','),
      },
      LocalVolumes: {
        heading: 'LOCAL VOLUMES',
        text: ({ Mounts }) => String((Mounts ?? []).filter(({ Driver }) => Driver === 'local').length),
      },
      Networks: {
        heading: 'NETWORKS',
        text: ({ NetworkSettings }) => Object.keys(NetworkSettings?.Networks ?? {}).join(','),
      },
      Platform: { heading: 'PLATFORM', text: () => null },
    },
    methods: { Label: ({ Labels }, name) => Labels[name] ?? '' },
    raw: [
      ['container_id', '{{.ID}}'],
      ['image', '{{.Image}}'],
      ['command', '{{.Command}}'],
      ['created_at', '{{.CreatedAt}}'],
      ['state', '{{- pad .State 1 0}}'],
      ['status', '{{- pad .Status 1 0}}'],
      ['names', '{{.Names}}'],
      ['labels', '{{- pad .Labels 1 0}}'],
      ['ports', '{{- pad .Ports 1 0}}'],
      ...(size ? [['size', '{{.Size}}'] as const] : []),
    ],
  };
}
