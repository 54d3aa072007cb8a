import {
  type Distribution,
  openDistribution,
  type RegistrySettings,
  type Repository,
  registryDefaults,
} from '#distribution';
import { digestOf } from '#oci';

/** A client that loses no time between tries. */
export function openClient(settings: Partial<RegistrySettings> = {}): Distribution {
  return openDistribution(() => ({ ...registryDefaults, firstRetryMs: 1, ...settings }));
}

/** A repository that is asked by nobody in particular. */
export function pullFrom(client: Distribution, name: string, signal = new AbortController().signal): Repository {
  return client.repository(name, { actions: 'pull', signal });
}

/** All of a blob; `onBytes` is told how much has come, each time. */
export async function collect(
  source: AsyncIterable<Uint8Array>,
  onBytes?: (sizeBytes: number) => void,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    onBytes?.(sizeBytes);
  }
  return Buffer.concat(chunks);
}

export const manifestType = 'application/vnd.oci.image.manifest.v1+json';

/** A descriptor of content that is there. */
export function describe(content: string | Uint8Array, mediaType = 'application/vnd.oci.image.layer.v1.tar') {
  return { mediaType, digest: digestOf(content), size: Buffer.byteLength(content) };
}

/** A manifest of one layer, as text. */
export function manifestOf(layer: string | Uint8Array, more: object = {}): string {
  const config = describe('{}', 'application/vnd.oci.image.config.v1+json');
  return JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers: [describe(layer)], ...more });
}

/** Bytes that are like no others, in pieces. */
export function* pieces(content: Uint8Array, size = 65_536): Iterable<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}
