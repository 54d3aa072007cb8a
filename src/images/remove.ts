import type { Filters, ImageDeleteItem, PruneReport } from '#api';
import type { Events } from '#events';
import { familiarReference, formatReference, type ImageReference, parseReference } from '#oci';
import { fail, kindOf } from '#std/errors';
import { shortId } from '#std/identifiers';
import type { Blobs, Records } from '#store';
import { type Catalogue, canonical, isIdPrefix, type StoredImage } from './catalogue.ts';
import { publishImageEvent } from './commit.ts';
import { booleanFilter, checkFilters, createdNs, matchesLabels, untilFilter } from './filters.ts';
import type { Layers } from './layers.ts';
import { blobsOfManifest, manifestsOf } from './manifests.ts';
import type { ImageUser } from './types.ts';

export interface RemoveOptions {
  readonly records: Pick<Records, 'transaction'>;
  readonly events: Events;
  readonly catalogue: Catalogue;
  readonly blobs: Blobs;
  readonly layers: Layers;
  readonly users: () => Iterable<ImageUser & { imageId: string }>;
}

interface Conflict {
  readonly isHard: boolean;
  readonly isUsed: boolean;
  readonly message: string;
}

function usersOf({ users }: RemoveOptions, image: StoredImage): ImageUser[] {
  return [...users()].filter(({ imageId }) => imageId === image.id);
}

/** One tag at most, with digests of the same repository at most: naming the image by id means all of its names. */
function isSingleReference(references: readonly ImageReference[]): boolean {
  if (references.length <= 1) return true;
  const tagged = references.filter(({ digest }) => digest === undefined);
  const digestNames = new Set(references.filter(({ digest }) => digest !== undefined).map(({ name }) => name));
  const single = tagged[0] ?? references[0];
  return tagged.length <= 1 && digestNames.size === 1 && single !== undefined && digestNames.has(single.name);
}

/** Why an image cannot be removed: a hard conflict whatever is asked, soft ones unless forced. */
function conflictOf(
  options: RemoveOptions,
  image: StoredImage,
  soft: { references: boolean; stopped: boolean },
): Conflict | undefined {
  const users = usersOf(options, image);
  const running = users.find((user) => user.running);
  if (running !== undefined) {
    const message = `image is being used by running container ${shortId(running.containerId)}`;
    return { isHard: true, isUsed: true, message };
  }
  if (soft.references && options.catalogue.referencesOf(image.id).length > 0) {
    return { isHard: false, isUsed: false, message: 'image is referenced in multiple repositories' };
  }
  const stopped = soft.stopped ? users[0] : undefined;
  if (stopped !== undefined) {
    const message = `image is being used by stopped container ${shortId(stopped.containerId)}`;
    return { isHard: false, isUsed: true, message };
  }
  return undefined;
}

function conflictError(image: StoredImage, { isHard, message }: Conflict): Error {
  const force = isHard ? 'cannot be forced' : 'must be forced';
  return fail('conflict', `conflict: unable to delete ${shortId(image.id)} (${force}) - ${message}`);
}

function untag({ catalogue, events }: RemoveOptions, image: StoredImage, reference: ImageReference): ImageDeleteItem {
  catalogue.references.delete(formatReference(reference));
  publishImageEvent(events, 'untag', image);
  return { Untagged: familiarReference(reference) };
}

/** Takes a name away, and the digests of the same repository when it was the last tag of that. */
function untagByName(options: RemoveOptions, image: StoredImage, reference: ImageReference): ImageDeleteItem[] {
  const items = [untag(options, image, reference)];
  if (reference.digest !== undefined) return items;
  const same = options.catalogue.referencesOf(image.id).filter(({ name }) => name === reference.name);
  if (same.some(({ digest }) => digest === undefined)) return items;
  return [...items, ...same.map((digestReference) => untag(options, image, digestReference))];
}

function deleteImage(options: RemoveOptions, image: StoredImage): ImageDeleteItem[] {
  const { records, catalogue, layers, events } = options;
  const items: ImageDeleteItem[] = [];
  const manifests = manifestsOf(catalogue.manifests, image.id);
  records.transaction(() => {
    for (const reference of catalogue.referencesOf(image.id)) items.push(untag(options, image, reference));
    for (const { id } of manifests) catalogue.manifests.delete(id);
    catalogue.images.delete(image.id);
    publishImageEvent(events, 'delete', image);
  });
  items.push({ Deleted: image.id });
  layers.sweepBlobs([image.id, ...manifests.flatMap(blobsOfManifest)]);
  return [...items, ...layers.sweep(image.chain).map((chainId) => ({ Deleted: chainId }))];
}

/**
 * Removes a name, and the image with its last one; by id, the image with all its names (`docker rmi`). Throws
 * `not-found`, or `conflict` when containers use it.
 */
export function removeImage(options: RemoveOptions, text: string, force: boolean): ImageDeleteItem[] {
  const { records, catalogue } = options;
  const image = catalogue.find(text);
  const references = catalogue.referencesOf(image.id);
  const items: ImageDeleteItem[] = [];
  const isByName = !isIdPrefix(image.id, text);
  if (isByName) {
    const user = usersOf(options, image)[0];
    if (!force && user !== undefined && isSingleReference(references)) {
      throw fail(
        'conflict',
        `conflict: unable to remove repository reference "${text}" (must force) - container ${shortId(user.containerId)} is using its referenced image ${shortId(image.id)}`,
      );
    }
    items.push(...records.transaction(() => untagByName(options, image, canonical(parseReference(text)))));
    if (catalogue.referencesOf(image.id).length > 0) return items;
  } else if (isSingleReference(references)) {
    const conflict = conflictOf(options, image, { references: false, stopped: !force });
    if (conflict !== undefined) throw conflictError(image, conflict);
    items.push(...records.transaction(() => references.map((reference) => untag(options, image, reference))));
  }
  const conflict = conflictOf(options, image, { references: !force, stopped: !force });
  if (conflict === undefined) return [...items, ...deleteImage(options, image)];
  // A name was taken away as asked; that a container still needs the image is no failure then.
  if (isByName && conflict.isUsed) return items;
  throw conflictError(image, conflict);
}

/** Removes an image with all its names, unless a container uses it. Throws `conflict`. */
export function removeAllNames(options: RemoveOptions, image: StoredImage): ImageDeleteItem[] {
  const references = options.catalogue.referencesOf(image.id).map(formatReference);
  if (references.length === 0) return removeImage(options, image.id, false);
  return references.flatMap((name) => {
    // The last tag of a repository takes its digests with it.
    const isThere = options.catalogue.references.get(name) !== undefined;
    return isThere ? removeImage(options, name, false) : [];
  });
}

const pruneFilters = ['dangling', 'label', 'label!', 'until'];

/** Removes images that no container uses: those without a name, or with `dangling=false` all. */
export function pruneImages(options: RemoveOptions, filters: Filters): PruneReport {
  const { catalogue, events } = options;
  checkFilters(filters, pruneFilters);
  const onlyDangling = booleanFilter(filters, 'dangling') ?? true;
  const until = untilFilter(filters);
  const used = new Set([...options.users()].map(({ imageId }) => imageId));
  const names = catalogue.referencesByImage();
  const deleted: ImageDeleteItem[] = [];
  let reclaimedBytes = 0;
  for (const image of [...catalogue.images.all()]) {
    const references = names.get(image.id) ?? [];
    if (used.has(image.id) || (onlyDangling && references.length > 0)) continue;
    if (!matchesLabels(image, filters) || (until !== undefined && createdNs(image) >= until)) continue;
    const sizes = new Map(image.chain.map((id) => [id, catalogue.layers.get(id)?.sizeBytes ?? 0]));
    try {
      for (const item of removeAllNames(options, image)) {
        deleted.push(item);
        if ('Deleted' in item) reclaimedBytes += sizes.get(item.Deleted) ?? 0;
      }
    } catch (error) {
      // Used since we looked: then it stays.
      if (kindOf(error) !== 'conflict' && kindOf(error) !== 'not-found') throw error;
    }
  }
  events.publish({ type: 'image', action: 'prune', id: '', attributes: { reclaimed: String(reclaimedBytes) } });
  return { ImagesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimedBytes };
}
