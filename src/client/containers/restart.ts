import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /containers/{id}/restart`: `t` in seconds before it is killed. */
export function restartContainer(
  engine: EngineClient,
  container: string,
  options: { t?: number | undefined; signal?: string | undefined } = {},
): Promise<void> {
  return engine.done({ method: 'POST', path: `/containers/${segment(container)}/restart`, query: options });
}
