import type { ExecInspect } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `GET /exec/{id}/json`. */
export function inspectExec(engine: EngineClient, exec: string): Promise<ExecInspect> {
  return engine.json({ method: 'GET', path: `/exec/${segment(exec)}/json` });
}
