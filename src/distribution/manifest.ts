import { type Descriptor, digestOf, isDigest, mediaTypes } from '#oci';
import { fail } from '#std/errors';
import type { Answer } from './transport.ts';
import type { FetchedManifest } from './types.ts';

/** What Docker's registry takes at most, and its clients too. */
export const manifestMaxBytes = 4 * 1024 * 1024;
const artifactManifest = 'application/vnd.oci.artifact.manifest.v1+json';
const schema1 = [
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
];
const known = [
  mediaTypes.dockerManifest,
  mediaTypes.dockerIndex,
  mediaTypes.manifest,
  mediaTypes.index,
  artifactManifest,
];

/** `Accept` of whoever wants a manifest or an index. */
export const manifestAccept = [...known, '*/*;q=0.1'].join(', ');

interface Shape {
  readonly schemaVersion?: unknown;
  readonly mediaType?: unknown;
  readonly manifests?: unknown;
  readonly config?: unknown;
  readonly layers?: unknown;
}

function shapeOf(content: Uint8Array): Shape | undefined {
  try {
    const value = JSON.parse(Buffer.from(content).toString()) as Shape | null;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Without parameters, in lower case. */
function typeOf(headers: Headers): string {
  return (headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** What the content is: as the registry says, unless the content itself says better. Throws when neither says what it is. */
function mediaTypeOf(headers: Headers, content: Uint8Array): string {
  const said = typeOf(headers);
  const shape = shapeOf(content);
  if (shape === undefined)
    throw fail('internal', `invalid manifest: not a JSON object (content type ${said || 'none'})`);
  const own = typeof shape.mediaType === 'string' ? shape.mediaType : undefined;
  if (own !== undefined && own !== said && known.includes(said) && known.includes(own)) {
    throw fail('internal', `mismatched mediaType: the registry says ${said}, the manifest ${own}`);
  }
  if (schema1.includes(said) || shape.schemaVersion === 1) return schema1.includes(said) ? said : (schema1[0] ?? said);
  if (own !== undefined) return own;
  if (known.includes(said)) return said;
  if (Array.isArray(shape.manifests)) return mediaTypes.index;
  if (shape.config !== undefined && Array.isArray(shape.layers)) return mediaTypes.manifest;
  throw fail('internal', `unsupported manifest media type and no default available: ${said || 'none'}`);
}

/** Reads and verifies a manifest that was asked for by tag or digest. */
export async function readManifest(answer: Answer, reference: string): Promise<FetchedManifest> {
  const length = Number(answer.headers.get('content-length') ?? 0);
  if (length > manifestMaxBytes) {
    await answer.discard();
    throw fail('internal', `manifest of ${length} bytes is larger than ${manifestMaxBytes} bytes`);
  }
  const content = await answer.content(manifestMaxBytes);
  const digest = digestOf(content);
  if (isDigest(reference) && digest !== reference) {
    throw fail('internal', `manifest verification failed for digest ${reference}: the content's is ${digest}`);
  }
  const mediaType = mediaTypeOf(answer.headers, content);
  const said = answer.headers.get('docker-content-digest');
  // The digest of a signed schema 1 manifest is of what was signed alone.
  if (said !== null && isDigest(said) && said !== digest && !schema1.includes(mediaType)) {
    throw fail('internal', `manifest verification failed for digest ${said}: the content's is ${digest}`);
  }
  return { descriptor: { mediaType, digest, size: content.length }, content };
}

/** The descriptor that the headers of a HEAD give; undefined when they give none. */
export function headDescriptor({ headers }: Answer): Descriptor | undefined {
  const digest = headers.get('docker-content-digest') ?? '';
  const size = Number(headers.get('content-length') ?? Number.NaN);
  const mediaType = typeOf(headers);
  return isDigest(digest) && Number.isInteger(size) && known.includes(mediaType)
    ? { mediaType, digest, size }
    : undefined;
}
