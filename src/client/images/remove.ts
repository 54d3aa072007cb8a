import type { ImageDeleteItem } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `DELETE /images/{name}`. */
export function removeImage(
  engine: EngineClient,
  image: string,
  options: { force?: boolean; noprune?: boolean; platforms?: readonly string[] } = {},
): Promise<ImageDeleteItem[]> {
  return engine.json({ method: 'DELETE', path: `/images/${segment(image)}`, query: options });
}
