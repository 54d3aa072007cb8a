import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /containers/{id}/start`: also succeeds for one that runs already. */
export function startContainer(
  engine: EngineClient,
  container: string,
  options: { detachKeys?: string | undefined } = {},
): Promise<void> {
  return engine.done({ method: 'POST', path: `/containers/${segment(container)}/start`, query: options });
}
