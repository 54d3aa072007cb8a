import type { Filters, SearchResult } from '#api';
import type { RegistryCredentials } from '../system/auth.ts';
import type { EngineClient } from '../transport/engine-client.ts';
import { registryAuthHeader } from '../transport/registry-auth.ts';
import { filtersQuery } from '../transport/request.ts';

/** `GET /images/search`: repositories of a registry that has search. */
export function searchImages(
  engine: EngineClient,
  term: string,
  options: { limit: number | undefined; filters: Filters },
  credentials?: RegistryCredentials,
): Promise<SearchResult[]> {
  return engine.json({
    method: 'GET',
    path: '/images/search',
    query: { term, limit: options.limit || undefined, filters: filtersQuery(options.filters) },
    headers: registryAuthHeader(credentials),
  });
}
