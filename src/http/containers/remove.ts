import type { Containers } from '#containers';
import type { Endpoint } from '../exchange.ts';
import { empty, json } from '../exchange.ts';
import { acceptedFilters } from '../filters.ts';

/** `DELETE /containers/{name}` */
export function removeContainer(containers: Pick<Containers, 'remove'>): Endpoint {
  return async ({ name, query }) => {
    await containers.remove(name, { force: query.flag('force'), volumes: query.flag('v'), link: query.flag('link') });
    return empty();
  };
}

/** `POST /containers/prune` */
export function pruneContainers(containers: Pick<Containers, 'prune'>): Endpoint {
  return async ({ query }) => json(await containers.prune(query.filters(acceptedFilters.containersPrune)));
}
