import type { ImageHistoryEntry } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `GET /images/{name}/history`, newest first. */
export function imageHistory(
  engine: EngineClient,
  image: string,
  options: { platform?: string | undefined } = {},
): Promise<ImageHistoryEntry[]> {
  return engine.json({ method: 'GET', path: `/images/${segment(image)}/history`, query: options });
}
