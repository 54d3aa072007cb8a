import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /containers/{id}/resize`: the size of its terminal, in characters. */
export function resizeContainer(
  engine: EngineClient,
  container: string,
  size: { h: number; w: number },
): Promise<void> {
  return engine.done({ method: 'POST', path: `/containers/${segment(container)}/resize`, query: size });
}
