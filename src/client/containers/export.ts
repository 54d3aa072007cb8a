import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';
import type { ResponseBody } from '../transport/response-body.ts';

/** `GET /containers/{id}/export`: the container's file system as a tar. */
export async function exportContainer(engine: EngineClient, container: string): Promise<ResponseBody> {
  return (await engine.send({ method: 'GET', path: `/containers/${segment(container)}/export` })).body;
}
