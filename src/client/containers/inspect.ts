import type { ContainerInspect } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `GET /containers/{id}/json`; `size` adds SizeRw and SizeRootFs. */
export function inspectContainer(
  engine: EngineClient,
  container: string,
  options: { size?: boolean } = {},
): Promise<ContainerInspect> {
  return engine.json({ method: 'GET', path: `/containers/${segment(container)}/json`, query: options });
}
