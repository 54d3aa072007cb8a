import { isIndexType, mediaTypes } from '#oci';
import type { Edge, NewManifest } from './catalogue.ts';
import { refuse } from './failures.ts';
import { isContentDigest } from './names.ts';

/** What a pushed manifest may be at most (distribution specification, "Pushing Manifests"). */
export const manifestLimitBytes = 4 * 1024 * 1024;

const schema1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/;
const known: readonly string[] = [
  mediaTypes.manifest,
  mediaTypes.index,
  mediaTypes.dockerManifest,
  mediaTypes.dockerIndex,
];

/** BuildKit keeps caches as indexes of layers: what is so named in one is a blob. */
const blobInIndex = /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs|buildkit\.cacheconfig)\./;

/** A descriptor in a manifest, as far as a registry looks at it. */
interface Named {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  /** What a registry need not have: a layer that is fetched from elsewhere. */
  readonly isForeign: boolean;
}

export interface CheckedManifest extends Omit<NewManifest, 'digest'> {
  readonly blobs: readonly Named[];
  readonly manifests: readonly Named[];
}

type Fields = Readonly<Record<string, unknown>>;

function invalid(message: string): Error {
  return refuse('MANIFEST_INVALID', `manifest invalid: ${message}`);
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${what} is no object`);
  return value as Fields;
}

function named(value: unknown, what: string): Named {
  const { mediaType, digest, size, urls } = fieldsOf(value, what);
  if (!isContentDigest(digest)) throw invalid(`${what} has no digest of sha256 or sha512`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw invalid(`${what} has no size`);
  if (mediaType !== undefined && typeof mediaType !== 'string')
    throw invalid(`${what} has a media type that is no text`);
  const isForeign = Array.isArray(urls) && urls.length > 0 && /foreign|nondistributable/.test(mediaType ?? '');
  return { mediaType: mediaType ?? '', digest, size, isForeign };
}

function listOf(value: unknown, what: string): Named[] {
  if (!Array.isArray(value)) throw invalid(`${what} is no list`);
  return value.map((item, index) => named(item, `${what}[${index}]`));
}

function parse(content: Uint8Array): Fields {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
  } catch {
    throw invalid('it is no JSON');
  }
  return fieldsOf(value, 'it');
}

function mediaTypeOf(fields: Fields, header: string | null): string {
  const told = header?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const inside = fields.mediaType;
  if (inside !== undefined && typeof inside !== 'string') throw invalid('its media type is no text');
  const mediaType = told === '' || told === 'application/json' ? (inside ?? '') : told;
  if (schema1.test(mediaType) || fields.schemaVersion === 1) throw invalid('schema 1 is not supported');
  if (inside !== undefined && inside !== mediaType) throw invalid(`it is ${inside}, but sent as ${mediaType}`);
  if (mediaType !== '') return mediaType;
  return 'manifests' in fields ? mediaTypes.index : mediaTypes.manifest;
}

function annotationsOf(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  const entries = Object.entries(fieldsOf(value, 'annotations'));
  if (!entries.every(([, text]) => typeof text === 'string')) throw invalid('an annotation is no text');
  return Object.fromEntries(entries) as Record<string, string>;
}

function textOf(value: unknown, what: string): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw invalid(`${what} is no text`);
  return value;
}

/** Reads what is pushed as a manifest; `header` is its Content-Type. Throws MANIFEST_INVALID and the like. */
export function checkManifest(content: Uint8Array, header: string | null): CheckedManifest {
  const fields = parse(content);
  const mediaType = mediaTypeOf(fields, header);
  if (!known.includes(mediaType)) throw invalid(`${mediaType} is no manifest that is supported`);
  if (fields.schemaVersion !== 2) throw invalid('its schemaVersion is not 2');
  const isIndex = isIndexType(mediaType);
  const config = isIndex ? undefined : named(fields.config, 'config');
  const children = isIndex ? listOf(fields.manifests, 'manifests') : [];
  const isBlob = (child: Named): boolean => blobInIndex.test(child.mediaType);
  const blobs = config === undefined ? children.filter(isBlob) : [config, ...listOf(fields.layers, 'layers')];
  const manifests = children.filter((child) => !isBlob(child));
  const subject =
    fields.subject === undefined || fields.subject === null ? undefined : named(fields.subject, 'subject').digest;
  const artifactType = textOf(fields.artifactType, 'artifactType') ?? config?.mediaType;
  const annotations = annotationsOf(fields.annotations);
  const edge = (kind: Edge['kind']) => (child: Named) => ({ digest: child.digest, kind });
  return {
    content,
    mediaType,
    sizeBytes: content.length,
    blobs,
    manifests,
    edges: [...blobs.map(edge('blob')), ...manifests.map(edge('manifest'))],
    ...(subject === undefined ? {} : { subject }),
    ...(artifactType === undefined || artifactType === '' ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}
