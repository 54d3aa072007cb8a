import type { ProgressMessage } from '#api';
import { jsonLines } from '../streams/json-lines.ts';
import type { RegistryCredentials } from '../system/auth.ts';
import type { EngineClient } from '../transport/engine-client.ts';
import { registryAuthHeader } from '../transport/registry-auth.ts';
import { segment } from '../transport/request.ts';

/** `POST /images/{name}/push`: sends a tag to its registry; without one, all that the repository has here. */
export async function pushImage(
  engine: EngineClient,
  name: string,
  options: { tag?: string | undefined; platform?: string | undefined },
  credentials?: RegistryCredentials,
): Promise<AsyncIterable<ProgressMessage>> {
  const { body } = await engine.send({
    method: 'POST',
    path: `/images/${segment(name)}/push`,
    query: options,
    headers: registryAuthHeader(credentials),
  });
  return jsonLines(body);
}
