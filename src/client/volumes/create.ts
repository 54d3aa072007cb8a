import type { Volume, VolumeCreateRequest } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';

/** `POST /volumes/create`. */
export function createVolume(engine: EngineClient, request: VolumeCreateRequest): Promise<Volume> {
  return engine.json({ method: 'POST', path: '/volumes/create', body: request });
}
