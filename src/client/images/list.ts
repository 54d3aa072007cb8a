import type { Filters, ImageSummary } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { filtersQuery } from '../transport/request.ts';

/** `GET /images/json`. */
export function listImages(
  engine: EngineClient,
  options: { all?: boolean; filters?: Filters } = {},
): Promise<ImageSummary[]> {
  const { all, filters } = options;
  return engine.json({ method: 'GET', path: '/images/json', query: { all, filters: filtersQuery(filters) } });
}
