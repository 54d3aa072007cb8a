import type { ContainerSummary, DiskUsage, ImageSummary, Volume } from '#api';
import { diskUsage } from '#client';
import { printSize } from '#std/sizes';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { listFormat } from '../../grammar/format-flag.ts';
import { type Listing, printListing } from '../../print/listing.ts';
import { writeOut } from '../../streams/text-output.ts';

/** One kind of thing that takes space. */
interface UsageKind {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  readonly sizeBytes: number;
  readonly reclaimableBytes: number;
  /** Whether the share that can be freed is shown beside it. */
  readonly share: boolean;
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0);

function images({ Images, LayersSize = 0 }: DiskUsage): UsageKind {
  const all: readonly ImageSummary[] = Images ?? [];
  const active = all.filter(({ Containers }) => Containers > 0);
  const known = active.filter(({ Size, SharedSize }) => Size !== -1 && SharedSize !== -1);
  const used = sum(known, ({ Size, SharedSize }) => Size - SharedSize);
  return {
    type: 'Images',
    total: all.length,
    active: active.length,
    sizeBytes: LayersSize,
    reclaimableBytes: LayersSize - used,
    share: true,
  };
}

const runs = ({ State }: ContainerSummary): boolean => ['running', 'paused', 'restarting'].includes(State);

function containers({ Containers }: DiskUsage): UsageKind {
  const all: readonly ContainerSummary[] = Containers ?? [];
  const written = ({ SizeRw = 0 }: ContainerSummary): number => SizeRw;
  return {
    type: 'Containers',
    total: all.length,
    active: all.filter(runs).length,
    sizeBytes: sum(all, written),
    reclaimableBytes: sum(
      all.filter((each) => !runs(each)),
      written,
    ),
    share: true,
  };
}

function volumes({ Volumes }: DiskUsage): UsageKind {
  const all: readonly Volume[] = Volumes ?? [];
  const isUsed = ({ UsageData }: Volume): boolean => (UsageData?.RefCount ?? 0) > 0;
  const size = ({ UsageData }: Volume): number => Math.max(0, UsageData?.Size ?? 0);
  return {
    type: 'Local Volumes',
    total: all.length,
    active: all.filter(isUsed).length,
    sizeBytes: sum(all, size),
    reclaimableBytes: sum(
      all.filter((each) => (each.UsageData?.RefCount ?? 0) === 0),
      size,
    ),
    share: true,
  };
}

function buildCache({ BuildCache }: DiskUsage): UsageKind {
  const all = BuildCache ?? [];
  const own = all.filter(({ Shared }) => !Shared);
  return {
    type: 'Build Cache',
    total: all.length,
    active: all.filter(({ InUse }) => InUse).length,
    sizeBytes: sum(own, ({ Size }) => Size),
    reclaimableBytes: sum(
      own.filter(({ InUse }) => !InUse),
      ({ Size }) => Size,
    ),
    share: false,
  };
}

const listing: Listing<UsageKind> = {
  type: 'diskUsageContext',
  table: '{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}',
  fields: {
    Type: { heading: 'TYPE', text: ({ type }) => type },
    TotalCount: { heading: 'TOTAL', text: ({ total }) => String(total) },
    Active: { heading: 'ACTIVE', text: ({ active }) => String(active) },
    Size: { heading: 'SIZE', text: ({ sizeBytes }) => printSize(sizeBytes) },
    Reclaimable: {
      heading: 'RECLAIMABLE',
      text: ({ reclaimableBytes, sizeBytes, share }) =>
        share && sizeBytes > 0
          ? `${printSize(reclaimableBytes)} (${Math.trunc((reclaimableBytes * 100) / sizeBytes)}%)`
          : printSize(reclaimableBytes),
    },
  },
};

/** `system df`. */
export const df = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    format: listFormat(),
    verbose: toggle('Show each image, container and volume', { short: 'v' }),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine, program }) {
    const usage = await diskUsage(engine);
    if (flags.verbose) {
      const { printVerboseUsage } = await import('./df-verbose.ts');
      writeOut(await printVerboseUsage(usage, flags.format));
      if (program === 'estiba' && flags.format === '') {
        const { printDiskShares } = await import('./df-disk.ts');
        writeOut(await printDiskShares(engine));
      }
      return 0;
    }
    const kinds = [images(usage), containers(usage), volumes(usage), buildCache(usage)];
    writeOut(await printListing(listing, kinds, flags.format));
    return 0;
  },
});
