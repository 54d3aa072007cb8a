import { diskUsage } from '#client';
import { printSize } from '#std/sizes';
import { defineCommand } from '../../grammar/command.ts';
import { listFormat } from '../../grammar/format-flag.ts';
import { printListing } from '../../print/listing.ts';
import { writeOut } from '../../streams/text-output.ts';
import { cacheListing } from './listing.ts';

/** `builder du`. */
export const builderDu = defineCommand({
  usage: '[OPTIONS]',
  flags: { format: listFormat() },
  args: { min: 0, max: 0 },
  async run({ flags, engine }) {
    const records = (await diskUsage(engine)).BuildCache ?? [];
    writeOut(await printListing(cacheListing, records, flags.format));
    if (flags.format !== '') return 0;
    const total = (some: typeof records): number => some.reduce((sum, { Size }) => sum + Size, 0);
    const free = records.filter(({ InUse }) => !InUse);
    writeOut(`Total:\t${printSize(total(records))}\nReclaimable:\t${printSize(total(free))}\n`);
    return 0;
  },
});
