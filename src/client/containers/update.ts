import type { ContainerUpdateRequest } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /containers/{id}/update`: other limits and restart policy. Gives the engine's warnings. */
export async function updateContainer(
  engine: EngineClient,
  container: string,
  request: ContainerUpdateRequest,
): Promise<readonly string[]> {
  const path = `/containers/${segment(container)}/update`;
  const { Warnings } = await engine.json<{ Warnings: string[] | null }>({ method: 'POST', path, body: request });
  return Warnings ?? [];
}
