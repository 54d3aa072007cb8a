import type { ProgressMessage } from '#api';
import { jsonLines } from '../streams/json-lines.ts';
import type { EngineClient } from '../transport/engine-client.ts';

/** `POST /images/load`: images from an archive that `save` made. */
export async function loadImages(
  engine: EngineClient,
  archive: AsyncIterable<Uint8Array>,
  options: { quiet?: boolean; platform?: string | undefined } = {},
): Promise<AsyncIterable<ProgressMessage>> {
  const { body } = await engine.send({
    method: 'POST',
    path: '/images/load',
    query: options,
    headers: { 'Content-Type': 'application/x-tar' },
    body: archive,
  });
  return jsonLines(body);
}
