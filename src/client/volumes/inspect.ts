import type { Volume } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `GET /volumes/{name}`. */
export function inspectVolume(engine: EngineClient, volume: string): Promise<Volume> {
  return engine.json({ method: 'GET', path: `/volumes/${segment(volume)}` });
}
