import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /exec/{id}/resize`: the size of its terminal, in characters. */
export function resizeExec(engine: EngineClient, exec: string, size: { h: number; w: number }): Promise<void> {
  return engine.done({ method: 'POST', path: `/exec/${segment(exec)}/resize`, query: size });
}
