import type { Networks } from '#networks';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { acceptedFilters } from '../filters.ts';
import { networkRow } from '../shapes.ts';

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

/** `POST /networks/prune`: nothing to remove, as the networks there are belong to the engine itself. */
export const pruneNetworks: Endpoint = ({ query }) => {
  query.filters(acceptedFilters.networksPrune);
  return json({ NetworksDeleted: null });
};
