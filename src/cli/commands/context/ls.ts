import { messageOf } from '#std/errors';
import { defaultContext, listContexts, readContext } from '../../connection/contexts.ts';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { listFormat } from '../../grammar/format-flag.ts';
import { type Listing, printListing } from '../../print/listing.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';
import { environmentHost } from './environment-host.ts';

interface ContextRow {
  readonly name: string;
  readonly description: string;
  readonly host: string;
  readonly current: boolean;
  readonly error: string;
}

const listing: Listing<ContextRow> = {
  type: 'clientContextContext',
  table: '{{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}',
  fields: {
    Name: { heading: 'NAME', text: ({ name }) => name },
    Current: { heading: '', text: ({ current }) => current },
    Description: { heading: 'DESCRIPTION', text: ({ description }) => description },
    DockerEndpoint: { heading: 'DOCKER ENDPOINT', text: ({ host }) => host },
    Error: { heading: 'ERROR', text: ({ error }) => error },
  },
};

function rowsOf(folder: string, current: string): ContextRow[] {
  const rows = listContexts(folder).map(({ Name, Metadata, Endpoints }) => ({
    name: Name,
    description: Metadata.Description ?? '',
    host: Endpoints.docker?.Host ?? '',
    current: Name === current,
    error: '',
  }));
  rows.push({
    name: defaultContext,
    description: 'Current DOCKER_HOST based configuration',
    host: environmentHost(),
    current: current === defaultContext,
    error: '',
  });
  // One that is said to be in use, and is not there, is shown with what is wrong.
  if (!rows.some(({ name }) => name === current)) {
    let error = '';
    try {
      readContext(folder, current);
    } catch (failure) {
      error = messageOf(failure);
    }
    rows.push({ name: current, description: '', host: '', current: true, error });
  }
  return rows.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `context ls`, sorted by name. */
export const contextLs = defineCommand({
  usage: '[OPTIONS]',
  flags: { format: listFormat(), quiet: toggle('Names alone', { short: 'q' }) },
  args: { min: 0, max: 0 },
  async run({ flags, configFolder, contextName }) {
    const rows = rowsOf(configFolder, contextName);
    writeOut(await printListing(listing, rows, flags.format || (flags.quiet ? '{{.Name}}' : '')));
    if (process.env.DOCKER_HOST) {
      writeErr(
        'Warning: DOCKER_HOST environment variable overrides the active context. To use a context, either set the global --context flag, or unset DOCKER_HOST environment variable.\n',
      );
    }
    return 0;
  },
});
