import type { Filters, PruneReport } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { filtersQuery } from '../transport/request.ts';

/** `POST /images/prune`: the dangling images, or those the filters name. */
export function pruneImages(engine: EngineClient, filters?: Filters): Promise<PruneReport> {
  return engine.json({ method: 'POST', path: '/images/prune', query: { filters: filtersQuery(filters) } });
}
