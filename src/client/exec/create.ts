import type { ExecCreateRequest } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /containers/{id}/exec`: a process to be started in a running container. */
export function createExec(
  engine: EngineClient,
  container: string,
  request: ExecCreateRequest,
): Promise<{ Id: string }> {
  return engine.json({ method: 'POST', path: `/containers/${segment(container)}/exec`, body: request });
}
