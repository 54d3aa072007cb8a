import type { Filters, PruneReport } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { filtersQuery } from '../transport/request.ts';

/** `POST /networks/prune`: the networks that no container uses. */
export function pruneNetworks(engine: EngineClient, filters?: Filters): Promise<PruneReport> {
  return engine.json({ method: 'POST', path: '/networks/prune', query: { filters: filtersQuery(filters) } });
}
