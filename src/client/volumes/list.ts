import type { Filters, VolumeListResponse } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { filtersQuery } from '../transport/request.ts';

/** `GET /volumes`. */
export function listVolumes(engine: EngineClient, filters?: Filters): Promise<VolumeListResponse> {
  return engine.json({ method: 'GET', path: '/volumes', query: { filters: filtersQuery(filters) } });
}
