import type { ProgressMessage } from '#api';
import { jsonLines } from '../streams/json-lines.ts';
import type { RegistryCredentials } from '../system/auth.ts';
import type { EngineClient } from '../transport/engine-client.ts';
import { registryAuthHeader } from '../transport/registry-auth.ts';

/**
 * `POST /estiba/images/check`, our own addition to the Engine API: verifies images, with `repair` heals them; progress, and for
 * each image an `ImageCheckReport` as `aux`.
 */
export async function checkImages(
  engine: EngineClient,
  names: readonly string[],
  options: { repair: boolean; credentials?: RegistryCredentials | undefined },
): Promise<AsyncIterable<ProgressMessage>> {
  const { body } = await engine.send({
    method: 'POST',
    path: '/estiba/images/check',
    query: { names, repair: options.repair ? '1' : undefined },
    headers: registryAuthHeader(options.credentials),
  });
  return jsonLines(body);
}
