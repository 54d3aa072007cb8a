import type { ProgressMessage } from '#api';
import { jsonLines } from '../streams/json-lines.ts';
import type { EngineClient } from '../transport/engine-client.ts';

/** `POST /images/create?fromImage=`: fetches an image from its registry. */
export async function pullImage(
  engine: EngineClient,
  options: { fromImage: string; tag?: string | undefined; platform?: string | undefined },
): Promise<AsyncIterable<ProgressMessage>> {
  const { body } = await engine.send({ method: 'POST', path: '/images/create', query: options });
  return jsonLines(body);
}
