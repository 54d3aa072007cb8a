import type { EngineClient } from '../transport/engine-client.ts';
import type { ResponseBody } from '../transport/response-body.ts';

/** `GET /images/get?names=`: the images as one archive. */
export async function saveImages(
  engine: EngineClient,
  names: readonly string[],
  options: { platform?: string | undefined } = {},
): Promise<ResponseBody> {
  return (await engine.send({ method: 'GET', path: '/images/get', query: { names, ...options } })).body;
}
