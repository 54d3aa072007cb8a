import { statfsSync } from 'node:fs';
import { familiarName, familiarReference } from '#oci';
import { shortId } from '#std/identifiers';
import type { Blobs } from '#store';
import type { Catalogue, StoredImage } from '../catalogue.ts';
import { createdNs } from '../filters.ts';
import type { Layers } from '../layers.ts';
import type { ImageUser } from '../types.ts';
import type { LastUsed } from './last-used.ts';
import type { Observed, ObservedLayer } from './plan.ts';

export interface ObserveOptions {
  readonly catalogue: Catalogue;
  readonly blobs: Blobs;
  readonly layers: Layers;
  readonly lastUsed: LastUsed;
  readonly dataRoot: string;
  readonly users: () => Iterable<ImageUser & { imageId: string }>;
}

const nsPerMs = 1_000_000n;

/** As df(1) shows it: what is kept for root counts neither as used nor as free. */
function fileSystemOf(path: string): Observed['fileSystem'] {
  const { bsize, blocks, bfree, bavail } = statfsSync(path);
  const usedBytes = (blocks - bfree) * bsize;
  return { usedBytes, sizeBytes: usedBytes + bavail * bsize };
}

/** Looks at all that a plan depends on. */
export async function observe(options: ObserveOptions): Promise<Observed> {
  const { catalogue, blobs, layers, lastUsed, dataRoot, users } = options;
  const partials = await blobs.idlePartials();
  const observedLayers = new Map<string, ObservedLayer>();
  const sizes = new Map<string, number>();
  for (const { id, blob, sizeBytes } of catalogue.layers.all()) {
    const blobBytes = blob === undefined ? 0 : (sizes.get(blob) ?? blobs.sizeBytes(blob) ?? 0);
    if (blob !== undefined) sizes.set(blob, blobBytes);
    observedLayers.set(id, { id, bytes: sizeBytes + blobBytes });
  }
  const references = catalogue.referencesByImage();
  const used = Map.groupBy(users(), ({ imageId }) => imageId);
  const observedImage = (image: StoredImage): Observed['images'][number] => ({
    id: image.id,
    names: (references.get(image.id) ?? []).map(familiarReference),
    repositories: [...new Set((references.get(image.id) ?? []).map(({ name }) => familiarName(name)))],
    createdMs: Number(createdNs(image) / nsPerMs),
    lastUsedMs: lastUsed.of(image.id),
    layers: image.chain.flatMap((chainId) => observedLayers.get(chainId) ?? []),
    containers: (used.get(image.id) ?? []).map(({ containerId }) => shortId(containerId)),
    ...(image.parentId === undefined ? {} : { parentId: image.parentId }),
    isHeld: image.chain.some(layers.isHeld),
  });
  return {
    nowMs: Date.now(),
    fileSystem: fileSystemOf(dataRoot),
    imagesBytes: [...observedLayers.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    images: [...catalogue.images.all()].map(observedImage),
    partials: partials.map(({ digest, sizeBytes, changedMs }) => ({ digest, bytes: sizeBytes, modifiedMs: changedMs })),
    layersOfContainers: new Set([...catalogue.rootfs.all()].flatMap(({ chain }) => chain)),
  };
}
