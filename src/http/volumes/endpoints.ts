import type { VolumeCreateRequest } from '#api';
import { fail } from '#std/errors';
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
  ClusterVolumeSpec: object('volume.ClusterVolumeSpec', {}),
});

/** Cluster volumes belong to swarm mode, which came to them with API 1.42. */
const clusterVolumes = 42;

/** `POST /volumes/create` */
export function createVolume(volumes: Pick<Volumes, 'create'>): Endpoint {
  return async (call) => {
    const { ClusterVolumeSpec, ...request } = decodeAs<VolumeCreateRequest & { ClusterVolumeSpec?: object }>(
      await readJson(call),
      createOptions,
      'CreateOptions',
    );
    if (ClusterVolumeSpec !== undefined && call.version >= clusterVolumes) {
      throw fail(
        'unavailable',
        'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
      );
    }
    return json(await volumes.create(request), 201);
  };
}

/** `GET /volumes` */
export function listVolumes(volumes: Pick<Volumes, 'list'>): Endpoint {
  return async ({ query }) => json(await volumes.list(query.filters(acceptedFilters.volumes)));
}

/** `GET /volumes/{name}` */
export function inspectVolume(volumes: Pick<Volumes, 'inspect'>): Endpoint {
  return async ({ name }) => json(await volumes.inspect(name));
}

/** `PUT /volumes/{name}`: only cluster volumes can be changed, and there are none without swarm mode. */
export const updateVolume: Endpoint = () => {
  throw fail('unavailable', 'volume update only valid for cluster volumes, but swarm is unavailable');
};

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
