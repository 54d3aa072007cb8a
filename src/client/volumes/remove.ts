import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `DELETE /volumes/{name}`. */
export function removeVolume(engine: EngineClient, volume: string, options: { force?: boolean } = {}): Promise<void> {
  return engine.done({ method: 'DELETE', path: `/volumes/${segment(volume)}`, query: options });
}
