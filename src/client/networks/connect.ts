import type { EndpointSettings } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /networks/{id}/connect`. */
export function connectNetwork(
  engine: EngineClient,
  network: string,
  request: { Container: string; EndpointConfig: Partial<EndpointSettings> },
): Promise<void> {
  return engine.done({ method: 'POST', path: `/networks/${segment(network)}/connect`, body: request });
}
