import type { DiskUsage } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';

/** `GET /system/df`. */
export function diskUsage(engine: EngineClient): Promise<DiskUsage> {
  return engine.json({ method: 'GET', path: '/system/df' });
}
