import { fail } from '#std/errors';
import { isDigest } from './digest.ts';
import { parseJson, parseJsonObject } from './image-config.ts';
import { isJsonObject } from './image-config-fields.ts';

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
} as const;

/** A pointer to content (OCI image specification, descriptor). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly os?: string; readonly architecture?: string; readonly variant?: string };
}

/** OCI image specification, manifest; Docker's schema 2 has the same fields. */
export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** OCI image specification, index; Docker's manifest list has the same fields. */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
}

/** What a field may be besides missing. */
const fieldsOfDescriptor: Readonly<Record<string, (value: unknown) => boolean>> = {
  mediaType: (value) => typeof value === 'string',
  size: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  annotations: isJsonObject,
  platform: isJsonObject,
  urls: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
};

function checkDescriptor(value: unknown, what: string): Descriptor {
  const bad = (reason: string): Error => fail('invalid-argument', `invalid ${what}: bad descriptor${reason}`);
  if (!isJsonObject(value)) throw bad('');
  if (typeof value.digest !== 'string' || !isDigest(value.digest)) throw bad(': digest');
  for (const [name, fits] of Object.entries(fieldsOfDescriptor)) {
    const field = value[name];
    if (field !== undefined && field !== null && !fits(field)) throw bad(`: ${name}`);
  }
  // A media type may be missing in old archives, and a size: it is compared with what is there.
  return value as unknown as Descriptor;
}

function descriptors(value: unknown, what: string): Descriptor[] {
  if (!Array.isArray(value)) throw fail('invalid-argument', `invalid ${what}: no list of descriptors`);
  return value.map((item) => checkDescriptor(item, what));
}

/** Whether a media type is that of an index or a manifest list. */
export function isIndexType(mediaType: string | undefined): boolean {
  return mediaType === mediaTypes.index || mediaType === mediaTypes.dockerIndex;
}

/** Parses a manifest; throws `invalid-argument`. */
export function parseManifest(content: Uint8Array): ImageManifest {
  const value = parseJsonObject(content, 'manifest');
  return {
    ...value,
    schemaVersion: 2,
    config: checkDescriptor(value.config, 'manifest'),
    layers: descriptors(value.layers, 'manifest'),
  };
}

/** Parses an index; throws `invalid-argument`. */
export function parseIndex(content: Uint8Array): ImageIndex {
  const value = parseJsonObject(content, 'index');
  return { ...value, schemaVersion: 2, manifests: descriptors(value.manifests, 'index') };
}

/** One image of a docker-archive's `manifest.json`. */
export interface ArchiveImage {
  /** Paths in the archive. */
  readonly config: string;
  readonly layers: readonly string[];
  readonly tags: readonly string[];
}

function texts(value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw fail('invalid-argument', 'invalid manifest.json: not a list of names');
  }
  return value;
}

/** Parses a docker-archive's `manifest.json`; throws `invalid-argument`. */
export function parseArchiveManifest(content: Uint8Array): ArchiveImage[] {
  const images = parseJson(content, 'manifest.json');
  if (!Array.isArray(images)) throw fail('invalid-argument', 'invalid manifest.json: not a list');
  return images.map((image: { Config?: unknown; Layers?: unknown; RepoTags?: unknown } | null) => {
    if (typeof image?.Config !== 'string') throw fail('invalid-argument', 'invalid manifest.json: no Config');
    return { config: image.Config, layers: texts(image.Layers), tags: texts(image.RepoTags) };
  });
}
