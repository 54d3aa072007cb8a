import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `DELETE /containers/{id}`: `v` removes its anonymous volumes too, `link` only the link of that name. */
export function removeContainer(
  engine: EngineClient,
  container: string,
  options: { force?: boolean; v?: boolean; link?: boolean } = {},
): Promise<void> {
  return engine.done({ method: 'DELETE', path: `/containers/${segment(container)}`, query: options });
}
