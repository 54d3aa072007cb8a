import type { Containers } from '#containers';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { acceptedFilters } from '../filters.ts';
import { asOf } from '../gates.ts';
import { containerSummaryGates } from '../shapes.ts';

/** `GET /containers/json` */
export function listContainers(containers: Pick<Containers, 'list'>): Endpoint {
  return async ({ query, version }) => {
    const rows = await containers.list({
      all: query.flag('all'),
      limit: query.integer('limit') ?? 0,
      size: query.flag('size'),
      filters: query.filters(acceptedFilters.containers),
    });
    return json(rows.map((row) => asOf(row, version, containerSummaryGates)));
  };
}

/** `GET /containers/{name}/json` */
export function inspectContainer(containers: Pick<Containers, 'inspect'>): Endpoint {
  return async ({ name, query }) => json(await containers.inspect(name, { size: query.flag('size') }));
}
