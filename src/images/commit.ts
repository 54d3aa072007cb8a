import type { Events } from '#events';
import {
  familiarReference,
  formatReference,
  type ImageConfigFile,
  type ImageReference,
  isTag,
  parseReference,
  withDefaultTag,
} from '#oci';
import { fail } from '#std/errors';
import { formatTime, nowNs } from '#std/time';
import { type Blobs, type Records, syncFileSystem } from '#store';
import type { Catalogue, StoredImage, StoredLayer } from './catalogue.ts';
import type { LastUsed } from './gc/last-used.ts';
import { type NewManifest, putManifest } from './manifests.ts';

/** Publishes an event of an image, with its labels, as Docker does. */
export function publishImageEvent(events: Events, action: string, image: StoredImage, name = image.id): void {
  events.publish({ type: 'image', action, id: image.id, attributes: { ...image.config.Labels, name } });
}

function recordOf({ id, file, layers, parentId, manifest }: NewImage, taggedAt?: string): StoredImage {
  const artifactType = manifest?.record.artifactType;
  return {
    id,
    created: file.created ?? '',
    architecture: file.architecture ?? '',
    ...(file.variant === undefined || file.variant === '' ? {} : { variant: file.variant }),
    os: file.os ?? '',
    config: file.config ?? {},
    chain: layers.map((layer) => layer.id),
    diffIds: file.rootfs.diff_ids,
    sizeBytes: layers.reduce((total, layer) => total + layer.sizeBytes, 0),
    author: file.author ?? '',
    comment: file.comment ?? '',
    dockerVersion: file.docker_version ?? '',
    history: file.history ?? [],
    ...(taggedAt === undefined ? {} : { taggedAt }),
    ...(parentId === undefined ? {} : { parentId }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

/** An image that is complete on disk, but that no record names yet. */
export interface NewImage {
  /** The digest of `content`. */
  readonly id: string;
  /** The configuration bit for bit. */
  readonly content: Uint8Array;
  readonly file: ImageConfigFile;
  /** From the base upwards. */
  readonly layers: readonly StoredLayer[];
  readonly references: readonly ImageReference[];
  /** The image that it was made from, here. */
  readonly parentId?: string;
  /** As a registry has it. */
  readonly manifest?: NewManifest;
}

/** Gives a name to an image, away from another that had it. To be called in a transaction. */
export function putReference(catalogue: Catalogue, image: StoredImage, reference: ImageReference): void {
  catalogue.references.put({ id: formatReference(reference), imageId: image.id });
}

function announceTags(events: Events, image: StoredImage, references: readonly ImageReference[]): void {
  for (const reference of references) publishImageEvent(events, 'tag', image, familiarReference(reference));
}

function isKnown({ catalogue, blobs }: { catalogue: Catalogue; blobs: Blobs }, { id, layers }: NewImage): boolean {
  const isRecorded = catalogue.images.get(id) !== undefined && blobs.has(id);
  return isRecorded && layers.every((layer) => catalogue.layers.get(layer.id) !== undefined);
}

/**
 * Makes new images known: all that they consist of is synced, then one durable transaction names it. After a power cut
 * there are either all of them or none.
 */
export async function commitImages(
  options: {
    records: Pick<Records, 'transaction'>;
    catalogue: Catalogue;
    events: Events;
    blobs: Blobs;
    dataRoot: string;
    lastUsed: LastUsed;
  },
  images: readonly NewImage[],
  action: 'import' | 'load' | 'create' | 'pull' | 'build',
): Promise<void> {
  const { records, catalogue, events, blobs, dataRoot, lastUsed } = options;
  const contents = images.flatMap(({ content, manifest }) => [content, ...(manifest?.contents ?? [])]);
  // A build out of the cache only gives names to what is on the disk.
  const isThere = action === 'build' && images.every((image) => isKnown(options, image));
  // While we sync, the same image may be removed, and its configuration with it: then once more.
  for (let isSynced = isThere; !isSynced; ) {
    const digests = contents.map((content) => blobs.put(content));
    await syncFileSystem(dataRoot);
    isSynced = digests.every(blobs.has);
  }
  records.transaction(
    () => {
      for (const made of images) {
        const { id, references } = made;
        for (const layer of made.layers) {
          // One that came with a blob meanwhile keeps it.
          if (layer.blob !== undefined || catalogue.layers.get(layer.id) === undefined) catalogue.layers.put(layer);
        }
        const known = catalogue.images.get(id);
        const isTagged = references.length > 0 && action !== 'pull';
        const taggedAt = isTagged ? formatTime(nowNs()) : known?.taggedAt;
        const image = recordOf({ ...(action === 'pull' || action === 'build' ? known : {}), ...made }, taggedAt);
        catalogue.images.put(image);
        lastUsed.note(id);
        // Docker tells of a commit before its name, of an import and a load after.
        if (action === 'create') publishImageEvent(events, action, image);
        for (const reference of references) putReference(catalogue, image, reference);
        // A load tells of the image alone, as Docker's does.
        if (action === 'import' || action === 'build') announceTags(events, image, references);
        if (made.manifest !== undefined) putManifest(catalogue.manifests, made.manifest);
        // Of a build Docker's builder tells last that there is an image.
        if (action === 'build') publishImageEvent(events, 'create', image);
        // A pull has its event when all of it is done.
        if (action === 'import' || action === 'load') publishImageEvent(events, action, image);
      }
    },
    { durable: !isThere },
  );
}

/** The name for a new image out of the API's `repo` and `tag`; throws `invalid-argument`. */
export function targetReference(repository: string, tag: string | undefined): ImageReference {
  const reference = parseReference(repository);
  if (reference.digest !== undefined) throw fail('invalid-argument', 'cannot import digest reference');
  if (tag !== undefined && tag !== '' && !isTag(tag)) throw fail('invalid-argument', 'invalid tag format');
  if (reference.name === 'docker.io/library/sha256') {
    throw fail('invalid-argument', 'refusing to create an ambiguous tag using digest algorithm as name');
  }
  return tag === undefined || tag === '' ? withDefaultTag(reference) : { name: reference.name, tag };
}

/** Gives an image another name (`docker tag`). */
export function tagImage(
  options: { records: Pick<Records, 'transaction'>; catalogue: Catalogue; events: Events },
  source: string,
  repository: string,
  tag: string,
): void {
  const { records, catalogue } = options;
  const reference = targetReference(repository, tag);
  const image = { ...catalogue.find(source), taggedAt: formatTime(nowNs()) };
  records.transaction(() => {
    catalogue.images.put(image);
    putReference(catalogue, image, reference);
    announceTags(options.events, image, [reference]);
  });
}
