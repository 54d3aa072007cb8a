import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `POST /images/{name}/tag`. */
export function tagImage(engine: EngineClient, image: string, target: { repo: string; tag: string }): Promise<void> {
  return engine.done({ method: 'POST', path: `/images/${segment(image)}/tag`, query: target });
}
