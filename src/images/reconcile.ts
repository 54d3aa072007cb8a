import { log } from '#std/log';
import type { Blobs, Records, Snapshots } from '#store';
import type { BlobSources } from './blob-sources.ts';
import type { Catalogue } from './catalogue.ts';
import type { Layers } from './layers.ts';
import { blobsOfManifest } from './manifests.ts';

interface ReconcileOptions {
  readonly records: Pick<Records, 'transaction'>;
  readonly catalogue: Catalogue;
  readonly blobs: Blobs;
  readonly blobSources: BlobSources;
  readonly snapshots: Snapshots;
  readonly layers: Pick<Layers, 'isKept'>;
}

/** Blobs that are gone (a disk that was repaired, a hand that deleted) are told of: without them containers still start. */
function tellMissing({ catalogue, blobs }: ReconcileOptions): void {
  const advice = 'see estiba image check --repair';
  for (const { id, blob } of catalogue.layers.all()) {
    if (blob !== undefined && !blobs.has(blob))
      log('warn', 'the blob of a layer is missing', { layer: id, blob, advice });
  }
  for (const { id } of catalogue.images.all()) {
    if (!blobs.has(id)) log('warn', 'the configuration of an image is missing', { image: id, advice });
  }
}

/** Drops records of layers whose trees are gone, and the images that stood on them: nothing can be started from those. */
function dropIncomplete({ records, catalogue, snapshots, blobs, layers }: ReconcileOptions): void {
  const lostLayers = [...catalogue.layers.all()].filter(({ id }) => !snapshots.hasLayer(id));
  const lost = new Set(lostLayers.map(({ id }) => id));
  const lostImages = [...catalogue.images.all()].filter(({ chain }) =>
    chain.some((chainId) => lost.has(chainId) || catalogue.layers.get(chainId) === undefined),
  );
  const lostIds = new Set(lostImages.map(({ id }) => id));
  records.transaction(() => {
    for (const { id } of lostLayers) {
      log('warn', 'dropped a layer whose files are missing', { layer: id });
      catalogue.layers.delete(id);
    }
    for (const { id } of lostImages) {
      log('warn', 'dropped an image whose files are missing', { image: id });
      catalogue.images.delete(id);
    }
    for (const { id, imageId } of [...catalogue.references.all()]) {
      if (lostIds.has(imageId) || catalogue.images.get(imageId) === undefined) catalogue.references.delete(id);
    }
    for (const manifest of [...catalogue.manifests.all()]) {
      const isWhole = blobsOfManifest(manifest).every((digest) => blobs.has(digest));
      if (!isWhole || catalogue.images.get(manifest.imageId) === undefined) catalogue.manifests.delete(manifest.id);
    }
    for (const layer of unusedLayers(catalogue, layers)) catalogue.layers.delete(layer);
  });
}

function usedChains(catalogue: Catalogue, layers: Pick<Layers, 'isKept'>): Set<string> {
  const used = new Set([...catalogue.layers.all()].map(({ id }) => id).filter(layers.isKept));
  for (const { chain } of catalogue.images.all()) for (const chainId of chain) used.add(chainId);
  for (const { chain } of catalogue.rootfs.all()) for (const chainId of chain) used.add(chainId);
  return used;
}

function unusedLayers(catalogue: Catalogue, layers: Pick<Layers, 'isKept'>): string[] {
  const used = usedChains(catalogue, layers);
  return [...catalogue.layers.all()].map(({ id }) => id).filter((id) => !used.has(id));
}

/**
 * Puts records and files in agreement after whatever ended the process before: records without files are dropped and
 * told of, files without records removed. Nothing else may use the images meanwhile.
 */
export async function reconcileImages(options: ReconcileOptions): Promise<void> {
  const { records, catalogue, blobs, snapshots } = options;
  snapshots.removeLeftovers();
  await blobs.removeUnfinished();
  dropIncomplete(options);
  tellMissing(options);

  const keptChains = usedChains(catalogue, options.layers);
  for (const chainId of snapshots.listLayers()) if (!keptChains.has(chainId)) snapshots.removeLayer(chainId);
  const keptBlobs = new Set([...catalogue.images.all()].map(({ id }) => id));
  for (const { blob } of catalogue.layers.all()) if (blob !== undefined) keptBlobs.add(blob);
  for (const manifest of catalogue.manifests.all()) for (const blob of blobsOfManifest(manifest)) keptBlobs.add(blob);
  for (const digest of await blobs.list()) {
    if (keptBlobs.has(digest)) continue;
    // Of a pull that was killed: the next one need not fetch it again.
    if (options.blobSources.get(digest) !== undefined) blobs.setAside(digest);
    else blobs.delete(digest);
  }

  const containers = new Set(snapshots.listContainers());
  records.transaction(() => {
    for (const { id } of [...catalogue.rootfs.all()]) if (!containers.has(id)) catalogue.rootfs.delete(id);
  });
  for (const containerId of containers) {
    // Made, but killed before its record was written: nobody knows what it stands on.
    if (catalogue.rootfs.get(containerId) === undefined) snapshots.removeContainer(containerId);
  }
}
