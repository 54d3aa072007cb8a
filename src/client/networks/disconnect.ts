import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /networks/{id}/disconnect`. */
export function disconnectNetwork(
  engine: EngineClient,
  network: string,
  request: { Container: string; Force: boolean },
): Promise<void> {
  return engine.done({ method: 'POST', path: `/networks/${segment(network)}/disconnect`, body: request });
}
