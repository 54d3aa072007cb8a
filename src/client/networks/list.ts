import type { Filters, NetworkInspect } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { filtersQuery } from '../transport/request.ts';

/** `GET /networks`. */
export function listNetworks(engine: EngineClient, filters?: Filters): Promise<NetworkInspect[]> {
  return engine.json({ method: 'GET', path: '/networks', query: { filters: filtersQuery(filters) } });
}
