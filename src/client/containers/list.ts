import type { ContainerSummary, Filters } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { filtersQuery } from '../transport/request.ts';

/** `GET /containers/json`: running containers, or with `all` every one; `size` adds their sizes. */
export function listContainers(
  engine: EngineClient,
  options: { all?: boolean; limit?: number | undefined; size?: boolean; filters?: Filters } = {},
): Promise<ContainerSummary[]> {
  const { all, limit, size, filters } = options;
  return engine.json({
    method: 'GET',
    path: '/containers/json',
    query: { all, limit, size, filters: filtersQuery(filters) },
  });
}
