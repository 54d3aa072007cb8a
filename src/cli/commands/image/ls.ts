import { listImages } from '#client';
import { fail } from '#std/errors';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { formatOf, listFormat } from '../../grammar/format-flag.ts';
import { printListing } from '../../print/listing.ts';
import { writeOut } from '../../streams/text-output.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { imageListing, imageRows } from './listing.ts';

/** `image ls`, also `images`. */
export const imageLs = defineCommand({
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  examples: [['images --filter dangling=true -q', 'IDs of images without a name']],
  flags: {
    all: toggle('Intermediate images too', { short: 'a' }),
    digests: toggle('Show digests'),
    filter: filterFlag('images', 'List those that match alone (name=value)'),
    format: listFormat(),
    'no-trunc': toggle('Show everything in full length'),
    quiet: toggle('IDs alone', { short: 'q' }),
    tree: toggle('Show the platforms of each image'),
  },
  args: { min: 0, max: 1 },
  operands: ['image'],
  async run({ flags, args, engine, config }) {
    const [reference] = args;
    const filters = toFilters([...flags.filter, ...(reference === undefined ? [] : [`reference=${reference}`])]);
    if (flags.tree) {
      const conflict = (['quiet', 'no-trunc', 'digests', 'format'] as const).find((name) => flags[name]);
      if (conflict !== undefined) throw fail('invalid-argument', `--${conflict} is not yet supported with --tree`);
      const { printPlatformTree } = await import('./platform-tree.ts');
      const images = await listImages(engine, { all: flags.all, filters, manifests: true });
      writeOut(await printPlatformTree(images));
      return 0;
    }
    const images = await listImages(engine, { all: flags.all, filters });
    const format = formatOf(flags, config.imagesFormat);
    const digests = flags.digests || /\.Digest\b/.test(format);
    const listing = imageListing({ truncated: !flags['no-trunc'], digests });
    const rows = images.flatMap((image) => imageRows(image, digests));
    writeOut(await printListing(listing, rows, format, flags));
    return 0;
  },
});
