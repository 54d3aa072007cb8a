import type { Descriptor } from '#oci';
import type { Collection } from '#store';

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
  /** When it was last pulled or pushed. */
  readonly seenAtMs: number;
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
export function blobsOfManifest({ id, config, layers, indexes, artifactType }: StoredManifest): string[] {
  const own = [id, ...indexes.map(({ digest }) => digest)];
  return artifactType === undefined ? own : [...own, config.digest, ...layers.map(({ digest }) => digest)];
}

/** An image's manifests, the one that was seen last first. */
export function manifestsOf(manifests: Collection<StoredManifest>, imageId: string): StoredManifest[] {
  return [...manifests.all()]
    .filter((manifest) => manifest.imageId === imageId)
    .sort((one, other) => other.seenAtMs - one.seenAtMs);
}

/** Records a manifest; of what is known of it already, the indexes stay. To be called in a transaction. */
export function putManifest(manifests: Collection<StoredManifest>, { record }: NewManifest): void {
  const before = manifests.get(record.id)?.indexes ?? [];
  const others = before.filter(({ digest }) => !record.indexes.some((index) => index.digest === digest));
  manifests.put({ ...record, indexes: [...record.indexes, ...others].slice(0, indexLimit) });
}
