import type { Filters, PruneReport } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { filtersQuery } from '../transport/request.ts';

/** `POST /volumes/prune`: anonymous volumes that no container uses; with the filter `all` the named ones too. */
export function pruneVolumes(engine: EngineClient, filters?: Filters): Promise<PruneReport> {
  return engine.json({ method: 'POST', path: '/volumes/prune', query: { filters: filtersQuery(filters) } });
}
