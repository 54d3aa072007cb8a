import type { DiskShareReport } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';

/** `GET /estiba/system/df`, our own addition to the Engine API: what everything in the data root takes on the disk. */
export function diskShares(engine: EngineClient): Promise<DiskShareReport> {
  return engine.json({ method: 'GET', path: '/estiba/system/df' });
}
