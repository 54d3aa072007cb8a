import type { ImageHistoryEntry } from '#api';
import { imageHistory } from '#client';
import { shortId } from '#std/identifiers';
import { printSize } from '#std/sizes';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { listFormat } from '../../grammar/format-flag.ts';
import { ellipsis } from '../../print/columns.ts';
import { type Listing, printListing } from '../../print/listing.ts';
import { printAgo, printTimestamp } from '../../print/times.ts';
import { writeOut } from '../../streams/text-output.ts';
import { apiPlatform, platformFlag } from '../../values/platforms.ts';

const createdByLength = 45;

function historyListing(options: { truncated: boolean; human: boolean }): Listing<ImageHistoryEntry> {
  const { truncated, human } = options;
  const created = human ? 'CreatedSince' : 'CreatedAt';
  const createdBy = (text: string): string => {
    const line = text.replaceAll('\t', ' ');
    return truncated ? ellipsis(line, createdByLength) : line;
  };
  return {
    type: 'image.historyContext',
    table: ['ID', created, 'CreatedBy', 'Size', 'Comment'].map((name) => `{{.${name}}}`).join('\t'),
    fields: {
      ID: { heading: 'IMAGE', text: ({ Id }) => (truncated && Id !== '<missing>' ? shortId(Id) : Id) },
      CreatedAt: { heading: 'CREATED AT', text: ({ Created }) => printTimestamp(Created * 1000) },
      CreatedSince: {
        heading: 'CREATED',
        text: ({ Created }) => (human ? printAgo(Created * 1000) : printTimestamp(Created * 1000)),
      },
      CreatedBy: { heading: 'CREATED BY', text: ({ CreatedBy }) => createdBy(CreatedBy) },
      Size: { heading: 'SIZE', text: ({ Size }) => (human ? printSize(Size, 3) : String(Size)) },
      Comment: { heading: 'COMMENT', text: ({ Comment }) => Comment },
    },
  };
}

/** `image history`. */
export const history = defineCommand({
  usage: '[OPTIONS] IMAGE',
  flags: {
    format: listFormat(),
    human: toggle('Sizes and times for people', { short: 'H', initial: true }),
    'no-trunc': toggle('Show everything in full length'),
    platform: platformFlag('Show the history of the variant of this platform (os[/arch[/variant]])'),
    quiet: toggle('IDs alone', { short: 'q' }),
  },
  args: { min: 1, max: 1 },
  operands: ['image'],
  async run({ flags, args, engine }) {
    const rows = await imageHistory(engine, args[0] ?? '', {
      platform: apiPlatform(flags.platform, 'invalid platform: '),
    });
    const listing = historyListing({ truncated: !flags['no-trunc'], human: flags.human });
    writeOut(await printListing(listing, rows, flags.format, flags));
    return 0;
  },
});
