import type { ContainerTop } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `GET /containers/{id}/top`: its processes, as `ps` with these arguments lists them. */
export function containerTop(
  engine: EngineClient,
  container: string,
  psArguments: readonly string[],
): Promise<ContainerTop> {
  const query = psArguments.length === 0 ? {} : { ps_args: psArguments.join(' ') };
  return engine.json({ method: 'GET', path: `/containers/${segment(container)}/top`, query });
}
