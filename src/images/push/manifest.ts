import type { Repository } from '#distribution';
import { type Descriptor, digestOf, isIndexType, mediaTypes, parseIndex } from '#oci';
import type { Blobs } from '#store';
import type { Catalogue, StoredImage, StoredLayer } from '../catalogue.ts';
import { type ManifestLayer, manifestsFor, type StoredManifest, sourceOfLayer } from '../manifests.ts';
import { type LayerTarget, mountFromOther } from './layer.ts';

/** What is put into the registry last: a manifest or an index. */
export interface FinishedManifest {
  readonly mediaType: string;
  readonly digest: string;
  readonly content: Uint8Array;
}

const configType = 'application/vnd.docker.container.image.v1+json';

/** The order of Docker's fields. */
function fieldsOf({ mediaType, size, digest }: Descriptor): object {
  return { mediaType, size, digest };
}

/** The manifest of an image that was made here: Docker's schema 2, byte for byte as Docker writes it. */
export function makeManifest(
  config: Pick<Descriptor, 'digest' | 'size'>,
  layers: readonly Descriptor[],
): FinishedManifest {
  const value = {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: fieldsOf({ ...config, mediaType: configType }),
    layers: layers.map(fieldsOf),
  };
  const content = Buffer.from(JSON.stringify(value, null, 3));
  return { mediaType: mediaTypes.dockerManifest, digest: digestOf(content), content };
}

/** Whether a layer is one that its maker distributes: it says where. */
export function isForeign({ mediaType, urls }: ManifestLayer): boolean {
  return (urls?.length ?? 0) > 0 && /foreign|nondistributable/.test(mediaType);
}

/**
 * A manifest that an image came with, if all that it names can be sent or is in the registry: layers may be kept here under
 * another compression than it names. Undefined where one has to be made.
 */
export async function keptManifest(
  target: { catalogue: Catalogue; blobs: Blobs } & Pick<LayerTarget, 'repository' | 'blobSources'>,
  image: StoredImage,
  layers: readonly StoredLayer[],
): Promise<StoredManifest | undefined> {
  const { catalogue, blobs, blobSources, repository } = target;
  /** In the repository, or now that another one of the same registry, which it came from, has handed it over. */
  const isThere = async (digest: string): Promise<boolean> => {
    if ((await repository.headBlob(digest)) !== undefined) return true;
    const source = blobSources.get(digest);
    return source !== undefined && (await mountFromOther(target, [source])) !== undefined;
  };
  for (const manifest of manifestsFor(catalogue, image.id, repository.name)) {
    if (!blobs.has(manifest.id)) continue;
    if (manifest.artifactType !== undefined) return manifest;
    if (manifest.layers.length !== layers.length) continue;
    const missing = manifest.layers.filter((descriptor, index) => {
      const layer = layers[index];
      return (
        !isForeign(descriptor) &&
        (layer === undefined || sourceOfLayer(manifest, descriptor, layer, blobs) === undefined)
      );
    });
    const there = await Promise.all(missing.map(({ digest }) => isThere(digest)));
    if (there.every(Boolean)) return manifest;
  }
  return undefined;
}

/** The index that a manifest was chosen from, if the repository has all others that it names. */
export async function wholeIndex(
  blobs: Blobs,
  manifest: StoredManifest,
  repository: Repository,
): Promise<FinishedManifest | undefined> {
  for (const { digest, mediaType } of manifest.indexes) {
    if (!isIndexType(mediaType) || !blobs.has(digest)) continue;
    const content = blobs.get(digest);
    const others = parseIndex(content).manifests.filter((child) => child.digest !== manifest.id);
    let isWhole = true;
    for (const child of others) {
      isWhole = (await repository.headManifest(child.digest)) !== undefined;
      if (!isWhole) break;
    }
    if (isWhole) return { mediaType, digest, content };
  }
  return undefined;
}
