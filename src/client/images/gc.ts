import type { ImageGcReport } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';

/** `GET /estiba/images/gc`, our own addition to the Engine API: what would be removed to make room, and why. */
export function planImageGc(engine: EngineClient): Promise<ImageGcReport> {
  return engine.json({ method: 'GET', path: '/estiba/images/gc' });
}

/** `POST /estiba/images/gc`, our own addition too: removes it. */
export function runImageGc(engine: EngineClient): Promise<ImageGcReport> {
  return engine.json({ method: 'POST', path: '/estiba/images/gc' });
}
