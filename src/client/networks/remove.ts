import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `DELETE /networks/{id}`. */
export function removeNetwork(engine: EngineClient, network: string): Promise<void> {
  return engine.done({ method: 'DELETE', path: `/networks/${segment(network)}` });
}
