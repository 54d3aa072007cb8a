import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /containers/{id}/rename`. */
export function renameContainer(engine: EngineClient, container: string, name: string): Promise<void> {
  return engine.done({ method: 'POST', path: `/containers/${segment(container)}/rename`, query: { name } });
}
