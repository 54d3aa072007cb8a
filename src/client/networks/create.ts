import type { NetworkCreateRequest } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';

/** `POST /networks/create`. */
export function createNetwork(
  engine: EngineClient,
  request: NetworkCreateRequest,
): Promise<{ Id: string; Warning: string }> {
  return engine.json({ method: 'POST', path: '/networks/create', body: request });
}
