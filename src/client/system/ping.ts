import type { EngineClient } from '../transport/engine-client.ts';

/** `GET /_ping`: the API version that the engine offers. */
export async function ping(engine: EngineClient, signal?: AbortSignal): Promise<{ apiVersion: string | undefined }> {
  const { head, body } = await engine.send({ method: 'GET', path: '/_ping', signal });
  await body.text();
  return { apiVersion: head.headers.get('api-version') };
}
