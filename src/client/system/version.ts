import type { Version } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';

/** `GET /version`. */
export function engineVersion(engine: EngineClient): Promise<Version> {
  return engine.json({ method: 'GET', path: '/version' });
}
