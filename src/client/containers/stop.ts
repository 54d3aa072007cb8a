import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /containers/{id}/stop`: `t` in seconds before it is killed. */
export function stopContainer(
  engine: EngineClient,
  container: string,
  options: { t?: number | undefined; signal?: string | undefined } = {},
): Promise<void> {
  return engine.done({ method: 'POST', path: `/containers/${segment(container)}/stop`, query: options });
}
