import type { EndpointSettings, NetworkCreateRequest } from '#api';
import type { Containers } from '#containers';
import type { Networks } from '#networks';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { empty, json } from '../exchange.ts';
import { acceptedFilters } from '../filters.ts';
import { asOf } from '../gates.ts';
import { readJson } from '../json/body.ts';
import { decodeAs } from '../json/schema.ts';
import { networkCreateGates, networkRow } from '../shapes.ts';
import { connectRequest, createRequest, disconnectRequest } from './schema.ts';

interface ConnectRequest {
  readonly Container: string;
  readonly EndpointConfig: Partial<EndpointSettings>;
}

interface DisconnectRequest {
  readonly Container: string;
  readonly Force: boolean;
}

function namedContainer(name: string): string {
  if (name === '') throw fail('invalid-argument', 'invalid name or ID supplied: ""');
  return name;
}

/** `GET /networks` */
export function listNetworks(networks: Pick<Networks, 'list'>): Endpoint {
  return ({ query, version }) =>
    json(networks.list(query.filters(acceptedFilters.networks)).map((network) => networkRow(network, version)));
}

/** Go's own booleans, which this one parameter follows. */
const goBooleans = new Set(['1', 't', 'T', 'TRUE', 'true', 'True', '0', 'f', 'F', 'FALSE', 'false', 'False']);

/** `GET /networks/{name}` */
export function inspectNetwork(networks: Pick<Networks, 'inspect'>): Endpoint {
  return ({ name, query }) => {
    const verbose = query.text('verbose');
    if (verbose !== undefined && !goBooleans.has(verbose)) {
      const cause = `strconv.ParseBool: parsing ${JSON.stringify(verbose)}: invalid syntax`;
      throw fail('invalid-argument', `invalid value for verbose: ${verbose}: ${cause}`);
    }
    const network = networks.inspect(name);
    const scope = query.text('scope');
    if (scope !== undefined && scope !== network.Scope) throw fail('not-found', `network ${name} not found`);
    return json(network);
  };
}

/** `POST /networks/create` */
export function createNetwork(networks: Pick<Networks, 'create'>): Endpoint {
  return async (call) => {
    const request = decodeAs<Partial<NetworkCreateRequest>>(await readJson(call), createRequest, 'CreateRequest');
    const current = asOf({ Name: '', ...request }, call.version, networkCreateGates) as NetworkCreateRequest;
    return json(await networks.create(current), 201);
  };
}

/** `POST /networks/{name}/connect` */
export function connectNetwork(containers: Pick<Containers, 'connect'>): Endpoint {
  return async (call) => {
    const { Container = '', EndpointConfig } = decodeAs<Partial<ConnectRequest>>(
      await readJson(call),
      connectRequest,
      'ConnectOptions',
    );
    await containers.connect(namedContainer(Container), call.name, EndpointConfig ?? {});
    return empty(200);
  };
}

/** `POST /networks/{name}/disconnect` */
export function disconnectNetwork(containers: Pick<Containers, 'disconnect'>): Endpoint {
  return async (call) => {
    const { Container = '', Force = false } = decodeAs<Partial<DisconnectRequest>>(
      await readJson(call),
      disconnectRequest,
      'DisconnectOptions',
    );
    await containers.disconnect(namedContainer(Container), call.name, { force: Force });
    return empty(200);
  };
}

/** `DELETE /networks/{name}` */
export function removeNetwork(networks: Pick<Networks, 'remove'>): Endpoint {
  return async ({ name }) => {
    await networks.remove(name);
    return empty();
  };
}

/** `POST /networks/prune` */
export function pruneNetworks(networks: Pick<Networks, 'prune'>): Endpoint {
  return async ({ query }) => {
    const removed = await networks.prune(query.filters(acceptedFilters.networksPrune));
    return json({ NetworksDeleted: removed.length === 0 ? null : removed });
  };
}
