import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /containers/{id}/kill`: sends a signal, by name or number (default KILL). */
export function killContainer(
  engine: EngineClient,
  container: string,
  options: { signal?: string | undefined } = {},
): Promise<void> {
  return engine.done({ method: 'POST', path: `/containers/${segment(container)}/kill`, query: options });
}
