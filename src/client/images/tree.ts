import type { ImageTree } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';

/** `GET /estiba/images/tree`, our own addition to the Engine API: images by the layers that they share. */
export function imageTree(engine: EngineClient, names: readonly string[]): Promise<ImageTree> {
  return engine.json({ method: 'GET', path: '/estiba/images/tree', query: { names } });
}
