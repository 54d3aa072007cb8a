import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /containers/{id}/pause`. */
export function pauseContainer(engine: EngineClient, container: string): Promise<void> {
  return engine.done({ method: 'POST', path: `/containers/${segment(container)}/pause` });
}
