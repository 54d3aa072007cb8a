import { diskShares, type EngineClient } from '#client';
import { EstibaError } from '#std/errors';
import { printSize } from '#std/sizes';
import { type Listing, printListing } from '../../print/listing.ts';

interface Share {
  readonly Kind: string;
  readonly Size: number;
}

const listing: Listing<Share> = {
  type: 'diskShareContext',
  table: '{{.Kind}}\t{{.Size}}',
  fields: {
    Kind: { heading: 'KIND', text: ({ Kind }) => Kind },
    Size: { heading: 'SIZE', text: ({ Size }) => printSize(Size) },
  },
};

/** The last part of `system df -v`: every byte on the disk, by kind. Empty for an engine that does not tell it. */
export async function printDiskShares(engine: EngineClient): Promise<string> {
  try {
    const { Root, Total, Shares } = await diskShares(engine);
    const head = `\nEverything on the disk below ${Root}: ${printSize(Total)}\n\n`;
    return head + (await printListing(listing, Shares));
  } catch (error) {
    if (error instanceof EstibaError && error.kind === 'not-found') return '';
    throw error;
  }
}
