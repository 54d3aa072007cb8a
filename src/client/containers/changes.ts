import type { FilesystemChange } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `GET /containers/{id}/changes`; the engine may say `null` for none. */
export async function containerChanges(engine: EngineClient, container: string): Promise<FilesystemChange[]> {
  const path = `/containers/${segment(container)}/changes`;
  return (await engine.json<FilesystemChange[] | null>({ method: 'GET', path })) ?? [];
}
