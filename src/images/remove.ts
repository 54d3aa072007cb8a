import type { Filters, ImageDeleteItem, PruneReport } from '#api';
import type { Events } from '#events';
import { familiarReference, formatReference, type ImageReference, type Platform, parseReference } from '#oci';
import { fail, kindOf } from '#std/errors';
import { shortId } from '#std/identifiers';
import type { Blobs, Records } from '#store';
import { type Catalogue, canonical, isIdPrefix, parentIds, type StoredImage } from './catalogue.ts';
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
  /** By a container, or by an image that was made from it. */
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
  if (parentIds(options.catalogue).has(image.id)) {
    return { isHard: true, isUsed: true, message: 'image has dependent child images' };
  }
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

/** Removes an image, and then, one after the other, those it was made from when they have no name and nothing uses them. */
function deleteWithParents(options: RemoveOptions, image: StoredImage, noPrune: boolean): ImageDeleteItem[] {
  const items = deleteImage(options, image);
  if (noPrune) return items;
  const { images } = options.catalogue;
  for (let { parentId } = image; parentId !== undefined; ) {
    const parent = images.get(parentId);
    if (parent === undefined || conflictOf(options, parent, { references: true, stopped: true }) !== undefined) break;
    items.push(...deleteImage(options, parent));
    ({ parentId } = parent);
  }
  return items;
}

/**
 * Removes a name, and the image with its last one; by id, the image with all its names (`docker rmi`); with it, unless
 * `noPrune`, the nameless images that it was made from. Throws `not-found`, or `conflict` when containers use it, or images
 * that were made from it.
 */
export function removeImage(
  options: RemoveOptions,
  text: string,
  { force, noPrune, platform }: { force: boolean; noPrune: boolean; platform?: Platform | undefined },
): ImageDeleteItem[] {
  const { records, catalogue } = options;
  const image = catalogue.find(text, platform);
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
  if (conflict === undefined) return [...items, ...deleteWithParents(options, image, noPrune)];
  // A name was taken away as asked; that something still needs the image is no failure then.
  if (isByName && conflict.isUsed) return items;
  throw conflictError(image, conflict);
}

/** Removes an image with all its names, unless something uses it. Throws `conflict`. */
export function removeAllNames(options: RemoveOptions, image: StoredImage, noPrune: boolean): ImageDeleteItem[] {
  const how = { force: false, noPrune };
  const references = options.catalogue.referencesOf(image.id).map(formatReference);
  if (references.length === 0) return removeImage(options, image.id, how);
  return references.flatMap((name) => {
    // The last tag of a repository takes its digests with it.
    const isThere = options.catalogue.references.get(name) !== undefined;
    return isThere ? removeImage(options, name, how) : [];
  });
}

const pruneFilters = ['dangling', 'label', 'label!', 'until'];

/** Removes images that nothing uses: those without a tag, or with `dangling=false` all. */
export function pruneImages(options: RemoveOptions, filters: Filters): PruneReport {
  const { catalogue, events } = options;
  checkFilters(filters, pruneFilters);
  const onlyDangling = booleanFilter(filters, 'dangling') ?? true;
  const until = untilFilter(filters);
  const used = new Set([...options.users()].map(({ imageId }) => imageId));
  const names = catalogue.referencesByImage();
  const parents = parentIds(catalogue);
  const deleted: ImageDeleteItem[] = [];
  let reclaimedBytes = 0;
  for (const image of [...catalogue.images.all()]) {
    const references = names.get(image.id) ?? [];
    const isParent = parents.has(image.id) && (onlyDangling || references.length === 0);
    // What has digests alone is dangling too.
    const hasTag = references.some(({ digest }) => digest === undefined);
    if (used.has(image.id) || isParent || (onlyDangling && hasTag)) continue;
    if (catalogue.images.get(image.id) === undefined) continue;
    if (!matchesLabels(image, filters) || (until !== undefined && createdNs(image) >= until)) continue;
    try {
      const sizes = new Map(image.chain.map((id) => [id, catalogue.layers.get(id)?.sizeBytes ?? 0]));
      for (const item of removeAllNames(options, image, false)) {
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
