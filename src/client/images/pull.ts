import type { ProgressMessage } from '#api';
import { jsonLines } from '../streams/json-lines.ts';
import type { RegistryCredentials } from '../system/auth.ts';
import type { EngineClient } from '../transport/engine-client.ts';
import { registryAuthHeader } from '../transport/registry-auth.ts';

/** `POST /images/create?fromImage=`: fetches an image from its registry; without a tag, all that the repository has. */
export async function pullImage(
  engine: EngineClient,
  options: { fromImage: string; tag?: string | undefined; platform?: string | undefined },
  credentials?: RegistryCredentials,
): Promise<AsyncIterable<ProgressMessage>> {
  const headers = registryAuthHeader(credentials);
  const { body } = await engine.send({ method: 'POST', path: '/images/create', query: options, headers });
  return jsonLines(body);
}
