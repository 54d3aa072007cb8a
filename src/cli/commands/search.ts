import type { SearchResult } from '#api';
import { searchImages } from '#client';
import { imageCredentials } from '../connection/credentials.ts';
import { defineCommand } from '../grammar/command.ts';
import { integer, toggle } from '../grammar/flag.ts';
import { listFormat } from '../grammar/format-flag.ts';
import { ellipsis } from '../print/columns.ts';
import { type Listing, printListing } from '../print/listing.ts';
import { writeOut } from '../streams/text-output.ts';
import { filterFlag, toFilters } from '../values/filters.ts';

const descriptionLength = 45;

function searchListing(truncated: boolean): Listing<SearchResult> {
  const description = (text: string): string => {
    const line = text.replaceAll(/[\n\r]/g, ' ');
    return truncated ? ellipsis(line, descriptionLength) : line;
  };
  return {
    type: 'registry.searchContext',
    table: ['Name', 'Description', 'StarCount', 'IsOfficial'].map((name) => `{{.${name}}}`).join('\t'),
    fields: {
      Name: { heading: 'NAME', text: ({ name }) => name },
      Description: { heading: 'DESCRIPTION', text: (row) => description(row.description) },
      StarCount: { heading: 'STARS', text: ({ star_count }) => String(star_count) },
      IsOfficial: {
        heading: 'OFFICIAL',
        text: ({ is_official }) => (is_official ? '[OK]' : ''),
        json: ({ is_official }) => String(is_official),
      },
    },
  };
}

/** `search`. */
export const search = defineCommand({
  usage: '[OPTIONS] TERM',
  flags: {
    filter: filterFlag('imagesSearch', 'Show those that match alone (is-official=BOOL, stars=N)'),
    format: listFormat(),
    limit: integer('Show at most so many'),
    'no-trunc': toggle('Show everything in full length'),
  },
  args: { min: 1, max: 1 },
  async run({ flags, args, engine, config }) {
    const [term = ''] = args;
    const rows = await searchImages(
      engine,
      term,
      { limit: flags.limit, filters: toFilters(flags.filter) },
      await imageCredentials(config, term).catch(() => undefined),
    );
    writeOut(await printListing(searchListing(!flags['no-trunc']), rows, flags.format, { quiet: false }));
    return 0;
  },
});
