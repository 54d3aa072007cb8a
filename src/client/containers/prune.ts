import type { Filters, PruneReport } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { filtersQuery } from '../transport/request.ts';

/** `POST /containers/prune`: removes the containers that do not run. */
export function pruneContainers(engine: EngineClient, filters?: Filters): Promise<PruneReport> {
  return engine.json({ method: 'POST', path: '/containers/prune', query: { filters: filtersQuery(filters) } });
}
