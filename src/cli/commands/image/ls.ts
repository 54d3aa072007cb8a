import { listImages } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { listFormat } from '../../grammar/format-flag.ts';
import { printListing } from '../../print/listing.ts';
import { writeOut } from '../../streams/text-output.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { imageListing, imageRows } from './listing.ts';

/** `image ls`, also `images`. */
export const imageLs = defineCommand({
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  flags: {
    all: toggle('Intermediate images too', { short: 'a' }),
    digests: toggle('Show digests'),
    filter: filterFlag('List those that match alone (name=value)'),
    format: listFormat(),
    'no-trunc': toggle('Show everything in full length'),
    quiet: toggle('IDs alone', { short: 'q' }),
    tree: toggle('Show the platforms of each image', { hidden: true }),
  },
  args: { min: 0, max: 1 },
  async run({ flags, args, engine }) {
    const [reference] = args;
    const filters = toFilters([...flags.filter, ...(reference === undefined ? [] : [`reference=${reference}`])]);
    const images = await listImages(engine, { all: flags.all, filters });
    const digests = flags.digests || /\.Digest\b/.test(flags.format);
    const listing = imageListing({ truncated: !flags['no-trunc'], digests });
    const format = flags.quiet && flags.format === '' ? '{{.ID}}' : flags.format;
    writeOut(
      await printListing(
        listing,
        images.flatMap((image) => imageRows(image, digests)),
        format,
      ),
    );
    return 0;
  },
});
