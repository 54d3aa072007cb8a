import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `PUT /volumes/{name}`: the availability of a cluster volume, of the given version of its object. */
export function updateVolume(
  engine: EngineClient,
  volume: string,
  options: { version: number; availability: string },
): Promise<void> {
  return engine.done({
    method: 'PUT',
    path: `/volumes/${segment(volume)}`,
    query: { version: options.version },
    body: { Spec: { Availability: options.availability } },
  });
}
