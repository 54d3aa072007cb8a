import type { VolumeCreateRequest } from '#api';
import type { Volumes } from '#volumes';
import type { Endpoint } from '../exchange.ts';
import { empty, json } from '../exchange.ts';
import { acceptedFilters } from '../filters.ts';
import { readJson } from '../json/body.ts';
import { decodeAs, map, object, string } from '../json/schema.ts';

const createOptions = object('volume.CreateOptions', {
  Name: string,
  Driver: string,
  DriverOpts: map(string),
  Labels: map(string),
});

/** `POST /volumes/create` */
export function createVolume(volumes: Pick<Volumes, 'create'>): Endpoint {
  return async (call) => {
    const request = decodeAs<VolumeCreateRequest>(await readJson(call), createOptions, 'CreateOptions');
    return json(await volumes.create(request), 201);
  };
}

/** `GET /volumes` */
export function listVolumes(volumes: Pick<Volumes, 'list'>): Endpoint {
  return ({ query }) => json(volumes.list(query.filters(acceptedFilters.volumes)));
}

/** `GET /volumes/{name}` */
export function inspectVolume(volumes: Pick<Volumes, 'inspect'>): Endpoint {
  return ({ name }) => json(volumes.inspect(name));
}

/** `DELETE /volumes/{name}` */
export function removeVolume(volumes: Pick<Volumes, 'remove'>): Endpoint {
  return async ({ name, query }) => {
    await volumes.remove(name, { force: query.flag('force') });
    return empty();
  };
}

/** `POST /volumes/prune`. Before 1.42 it took named volumes too, which is today's filter `all`. */
export function pruneVolumes(volumes: Pick<Volumes, 'prune'>): Endpoint {
  return async ({ query, version }) => {
    const filters = query.filters(acceptedFilters.volumesPrune);
    return json(await volumes.prune(version < 42 ? new Map([...filters, ['all', ['true']]]) : filters));
  };
}
