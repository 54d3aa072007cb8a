import { type Descriptor, digestOf, mediaTypes, parseManifest } from '#oci';
import type { Blobs, Collection } from '#store';
import type { StoredLayer } from './catalogue.ts';
import { hasTar } from './layer-content.ts';

/** A layer, or whatever an artifact consists of, as a manifest names it. */
export type ManifestLayer = Descriptor & { readonly urls?: readonly string[] };

/** An index, by its content: the blob `digest` holds it bit for bit. */
export interface IndexDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** A manifest as a registry has it: `id` is its digest, and the blob of that digest holds it bit for bit. */
export interface StoredManifest {
  readonly id: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** The image that it describes: its config, or the manifest itself where that is no image's. */
  readonly imageId: string;
  readonly config: Descriptor;
  /** From the base upwards, compressed as the registry has them. */
  readonly layers: readonly ManifestLayer[];
  /** The indexes that it was chosen from, the last one first; blobs too. */
  readonly indexes: readonly IndexDescriptor[];
  /** Of what is no image to run (a Helm chart, a signature): then config and layers are kept as blobs, as they are. */
  readonly artifactType?: string;
  /** Layers' blobs that are kept for this manifest alone: the layers themselves are kept here compressed otherwise. */
  readonly ownBlobs?: readonly string[];
  /** When it was last pulled or pushed. */
  readonly seenAtMs: number;
}

const imageConfigTypes = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
  // What some old tools write.
  'application/octet-stream',
  'application/json',
  'text/html',
  '',
];

function artifactTypeOf(content: Uint8Array, configType = ''): string | undefined {
  const { artifactType } = JSON.parse(new TextDecoder().decode(content)) as { artifactType?: unknown };
  if (typeof artifactType === 'string' && artifactType !== '') return artifactType;
  return imageConfigTypes.includes(configType) ? undefined : configType;
}

/** What a manifest, chosen from these indexes, is to be recorded as. Throws `invalid-argument`. */
export function describeManifest(
  content: Uint8Array,
  mediaType: string | undefined,
  indexes: readonly IndexDescriptor[],
): StoredManifest {
  const { config, layers, mediaType: own } = parseManifest(content);
  const artifactType = artifactTypeOf(content, config.mediaType);
  const id = digestOf(content);
  return {
    id,
    mediaType: mediaType ?? own ?? mediaTypes.manifest,
    sizeBytes: content.length,
    imageId: artifactType === undefined ? config.digest : id,
    config,
    layers,
    indexes,
    ...(artifactType === undefined ? {} : { artifactType }),
    seenAtMs: Date.now(),
  };
}

/** A manifest with its content, before any record names it. */
export interface NewManifest {
  readonly record: StoredManifest;
  /** The manifest, and the indexes that it names, bit for bit. */
  readonly contents: readonly Uint8Array[];
}

/** How many of the indexes that a manifest was chosen from are kept. */
const indexLimit = 8;

/** All blobs that are there because of a manifest. */
export function blobsOfManifest(manifest: StoredManifest): string[] {
  const { id, config, layers, indexes, artifactType, ownBlobs = [] } = manifest;
  const own = [id, ...indexes.map(({ digest }) => digest), ...ownBlobs];
  return artifactType === undefined ? own : [...own, config.digest, ...layers.map(({ digest }) => digest)];
}

/** An image's manifests, the one that was seen last first. */
export function manifestsOf(manifests: Collection<StoredManifest>, imageId: string): StoredManifest[] {
  return [...manifests.all()]
    .filter((manifest) => manifest.imageId === imageId)
    .sort((one, other) => other.seenAtMs - one.seenAtMs);
}

/** An image's manifests: those that the repository `name` is known to have first, then those seen last. */
export function manifestsFor(
  {
    manifests,
    references,
  }: { manifests: Collection<StoredManifest>; references: Pick<Collection<{ id: string }>, 'get'> },
  imageId: string,
  name: string,
): StoredManifest[] {
  const isFrom = ({ id, indexes }: StoredManifest): boolean =>
    [id, ...indexes.map(({ digest }) => digest)].some((digest) => references.get(`${name}@${digest}`) !== undefined);
  const all = manifestsOf(manifests, imageId);
  return [...all.filter(isFrom), ...all.filter((manifest) => !isFrom(manifest))];
}

/** What a manifest's layer can be given from, byte for byte. */
export type LayerContent = { readonly blob: string } | { readonly tarOf: StoredLayer };

/** What a manifest's layer can be given from: a blob, or a layer's tar. Undefined when it is not here. */
export function sourceOfLayer(
  { ownBlobs = [] }: StoredManifest,
  { digest }: Descriptor,
  layer: StoredLayer,
  blobs: Pick<Blobs, 'has'>,
): LayerContent | undefined {
  if (blobs.has(digest) && (digest === layer.blob || ownBlobs.includes(digest))) return { blob: digest };
  return digest === layer.diffId && hasTar({ blobs }, layer) ? { tarOf: layer } : undefined;
}

/** Records a manifest; of what is known of it already, the indexes and its own blobs stay. To be called in a transaction. */
export function putManifest(manifests: Collection<StoredManifest>, { record }: NewManifest): void {
  const before = manifests.get(record.id);
  const others = (before?.indexes ?? []).filter(
    ({ digest }) => !record.indexes.some((index) => index.digest === digest),
  );
  const ownBlobs = [...new Set([...(before?.ownBlobs ?? []), ...(record.ownBlobs ?? [])])];
  manifests.put({
    ...record,
    indexes: [...record.indexes, ...others].slice(0, indexLimit),
    ...(ownBlobs.length > 0 && { ownBlobs }),
  });
}
