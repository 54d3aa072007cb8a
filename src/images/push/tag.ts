import { type Descriptor, familiarReference, formatReference, type ImageReference } from '#oci';
import { allEnded } from '#std/all-ended';
import { fail } from '#std/errors';
import { shortId } from '#std/identifiers';
import type { Records } from '#store';
import type { Catalogue, StoredImage, StoredLayer } from '../catalogue.ts';
import { putReference } from '../commit.ts';
import type { Layers } from '../layers.ts';
import { blobsOfManifest, manifestsOf, type StoredManifest, sourceOfLayer } from '../manifests.ts';
import { progressMessage } from '../progress.ts';
import { pushBlob } from './blob.ts';
import { type LayerTarget, type LayerToPush, pushLayer } from './layer.ts';
import { type FinishedManifest, isForeign, keptManifest, makeManifest, wholeIndex } from './manifest.ts';

/** A push of one repository, on its way. */
export interface PushTarget extends LayerTarget {
  readonly records: Pick<Records, 'transaction'>;
  readonly catalogue: Catalogue;
  readonly layers: Layers;
  /** One platform alone was asked for. */
  readonly isOnePlatform: boolean;
  /** Ends what else is on its way. */
  cancel(reason: unknown): void;
}

/** Waits for all; the first failure ends the others. */
function all<T>(target: PushTarget, works: readonly Promise<T>[]): Promise<T[]> {
  return allEnded(works, (reason) => target.cancel(reason));
}

/** Sends layers, each once, those on top first; gives the descriptors in the order of the layers. */
async function pushLayers(target: PushTarget, layers: readonly LayerToPush[]): Promise<Descriptor[]> {
  const { report } = target;
  const unique = [...new Map([...layers].reverse().map((item) => [item.layer.diffId, item])).values()];
  for (const { layer } of unique) report(progressMessage(shortId(layer.diffId), 'Preparing'));
  const works = unique.map(async (item) => [item.layer.diffId, await pushOne(target, item)] as const);
  const pushed = new Map(await all(target, works));
  return layers.map(({ layer }) => {
    const descriptor = pushed.get(layer.diffId);
    if (descriptor === undefined) throw fail('internal', `layer ${layer.diffId} was not sent`);
    return descriptor;
  });
}

async function pushOne(target: PushTarget, item: LayerToPush): Promise<Descriptor> {
  const { descriptor, source, layer } = item;
  if (descriptor === undefined || source !== undefined || !isForeign(descriptor)) return pushLayer(target, item);
  // It is here compressed otherwise, but whoever wants it is told where its maker has it.
  target.report(progressMessage(shortId(layer.diffId), 'Skipped foreign layer'));
  return descriptor;
}

/** Sends what is no image to run as it came. */
async function pushArtifact(target: PushTarget, { layers }: StoredManifest): Promise<void> {
  const unique = [...new Map(layers.map((item) => [item.digest, item])).values()];
  for (const { digest } of unique) target.report(progressMessage(shortId(digest), 'Preparing'));
  await all(
    target,
    unique.map((item) => pushBlob(target, item, shortId(item.digest))),
  );
}

/** Sends the configuration beside the rest: it is small, but takes as many round trips as a layer. */
async function withConfig<T>(
  target: PushTarget,
  config: Pick<Descriptor, 'digest' | 'size'>,
  rest: Promise<T>,
): Promise<T> {
  await all<unknown>(target, [rest, pushBlob(target, config)]);
  return rest;
}

/** Sends all that an image consists of; gives what its tag is to name. */
async function pushContent(
  target: PushTarget,
  image: StoredImage,
  layers: readonly StoredLayer[],
): Promise<FinishedManifest> {
  const { blobs, repository } = target;
  const kept = await keptManifest(target, image, layers);
  if (kept === undefined) {
    const config = { digest: image.id, size: blobs.sizeBytes(image.id) ?? 0 };
    const descriptors = await withConfig(
      target,
      config,
      pushLayers(
        target,
        layers.map((layer) => ({ layer })),
      ),
    );
    return makeManifest(config, descriptors);
  }
  const content: Promise<unknown> =
    kept.artifactType === undefined
      ? pushLayers(
          target,
          layers.map((layer, index) => {
            const descriptor = kept.layers[index];
            if (descriptor === undefined) return { layer };
            return { layer, descriptor, source: sourceOfLayer(kept, descriptor, layer, blobs) };
          }),
        )
      : pushArtifact(target, kept);
  await withConfig(target, kept.config, content);
  const own = { mediaType: kept.mediaType, digest: kept.id, content: blobs.get(kept.id) };
  const index = target.isOnePlatform ? undefined : await wholeIndex(blobs, kept, repository);
  if (index === undefined) return own;
  await repository.putManifest(own.digest, own.mediaType, own.content);
  return index;
}

function holdLayers({ layers, catalogue }: PushTarget, image: StoredImage): StoredLayer[] {
  // First all are known to be there: what is held must be let go.
  for (const id of image.chain) {
    if (catalogue.layers.get(id) === undefined) throw fail('internal', `image ${image.id} has lost its layer ${id}`);
  }
  return image.chain.flatMap((id) => layers.hold(id) ?? []);
}

/** Keeps what is the image's own, its configuration and manifests, while it is sent, though the image be removed meanwhile. */
function holdBlobs({ layers, catalogue }: PushTarget, image: StoredImage): string[] {
  const digests = [image.id, ...manifestsOf(catalogue.manifests, image.id).flatMap(blobsOfManifest)];
  for (const digest of digests) layers.holdBlob(digest);
  return digests;
}

/** Sends an image, and has a tag name it; the image is known by the repository's digest from then on. */
export async function pushTag(target: PushTarget, image: StoredImage, reference: ImageReference): Promise<void> {
  const { repository, catalogue, records, report, layers } = target;
  // Another tag of the same push may have taken long.
  if (catalogue.images.get(image.id) === undefined) throw noSuchTag(reference);
  const held = holdLayers(target, image);
  const heldBlobs = holdBlobs(target, image);
  const { name, tag = '' } = reference;
  let manifest: FinishedManifest;
  try {
    manifest = await pushContent(target, image, held);
    await repository.putManifest(tag, manifest.mediaType, manifest.content);
  } finally {
    layers.release(held.map(({ id }) => id));
    for (const digest of heldBlobs) layers.releaseBlob(digest);
  }
  const { digest, content } = manifest;
  report({ status: `${tag}: digest: ${digest} size: ${content.length}` });
  report({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: content.length } });
  records.transaction(() => {
    // It may have been removed meanwhile.
    const isThere = catalogue.references.get(formatReference(reference))?.imageId === image.id;
    if (isThere) putReference(catalogue, image, { name, digest });
  });
}

/** What Docker says of a tag that is not there. */
export function noSuchTag(reference: ImageReference): Error {
  return fail('not-found', `tag does not exist: ${familiarReference(reference)}`);
}
