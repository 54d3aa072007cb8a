import type { ImageDifference } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';

/** `GET /estiba/images/diff`, our own addition to the Engine API: how an image differs from another. */
export function compareImages(engine: EngineClient, before: string, after: string): Promise<ImageDifference> {
  return engine.json({ method: 'GET', path: '/estiba/images/diff', query: { before, after } });
}
