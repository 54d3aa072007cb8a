import type { NetworkInspect } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `GET /networks/{id}`. */
export function inspectNetwork(
  engine: EngineClient,
  network: string,
  options: { verbose?: boolean } = {},
): Promise<NetworkInspect> {
  return engine.json({ method: 'GET', path: `/networks/${segment(network)}`, query: options });
}
