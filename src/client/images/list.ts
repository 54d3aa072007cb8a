import type { Filters, ImageSummary } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { filtersQuery } from '../transport/request.ts';

/** `GET /images/json`. */
export function listImages(
  engine: EngineClient,
  options: { all?: boolean; filters?: Filters; manifests?: boolean } = {},
): Promise<ImageSummary[]> {
  const { all, filters, manifests } = options;
  return engine.json({
    method: 'GET',
    path: '/images/json',
    query: { all, manifests, filters: filtersQuery(filters) },
  });
}
