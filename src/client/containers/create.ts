import type { ContainerCreateRequest, ContainerCreateResponse } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';

/** `POST /containers/create`. */
export function createContainer(
  engine: EngineClient,
  request: ContainerCreateRequest,
  options: { name?: string | undefined; platform?: string | undefined } = {},
): Promise<ContainerCreateResponse> {
  return engine.json({ method: 'POST', path: '/containers/create', query: options, body: request });
}
