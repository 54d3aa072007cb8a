import type { ImageInspect } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `GET /images/{name}/json`. */
export function inspectImage(
  engine: EngineClient,
  image: string,
  options: { platform?: string | undefined } = {},
): Promise<ImageInspect> {
  return engine.json({ method: 'GET', path: `/images/${segment(image)}/json`, query: options });
}
