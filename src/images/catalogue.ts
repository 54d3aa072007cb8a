import {
  familiarReference,
  formatReference,
  type HistoryEntry,
  type ImageReference,
  isDigest,
  type Platform,
  parseReference,
  printPlatform,
  runsOn,
  withDefaultTag,
} from '#oci';
import { fail } from '#std/errors';
import type { Collection, Records } from '#store';
import type { StoredManifest } from './manifests.ts';
import type { ImageRecord } from './types.ts';

/** All that is known of an image without reading its configuration file. */
export interface StoredImage extends ImageRecord {
  readonly variant?: string;
  readonly author: string;
  readonly comment: string;
  readonly dockerVersion: string;
  readonly diffIds: readonly string[];
  readonly history: readonly HistoryEntry[];
  /** RFC 3339; not there when it never had a tag. */
  readonly taggedAt?: string;
  /** The image that it was committed on; it may be gone. */
  readonly parentId?: string;
}

/** A layer on top of its parents: `id` is the chain id. */
export interface StoredLayer {
  readonly id: string;
  readonly diffId: string;
  /**
   * The blob that holds its tar, compressed as it came or as we did. One that a build made as a tree has none: its tar is packed
   * of its directory (`tarOfLayer`).
   */
  readonly blob?: string;
  readonly mediaType: string;
  readonly tarSizeBytes: number;
  /** What its files take. */
  readonly sizeBytes: number;
  /** When a build made it, RFC 3339. */
  readonly createdAt?: string;
}

/** A name of an image: `id` is the reference in full. */
export interface StoredReference {
  readonly id: string;
  readonly imageId: string;
}

/** A container's writable layer: `id` is the container's. */
export interface StoredRootfs {
  readonly id: string;
  readonly imageId: string;
  readonly chain: readonly string[];
}

/** The records of images, and looking them up by what people call them. */
export interface Catalogue {
  readonly images: Collection<StoredImage>;
  readonly layers: Collection<StoredLayer>;
  readonly references: Collection<StoredReference>;
  /** Of images that came from a registry or went to one. */
  readonly manifests: Collection<StoredManifest>;
  readonly rootfs: Collection<StoredRootfs>;
  /** By reference, digest, id or unique id prefix; throws `not-found`, also when it does not run on the platform asked for. */
  find(text: string, platform?: Platform): StoredImage;
  /** The image's names, sorted. */
  referencesOf(imageId: string): ImageReference[];
  /** The names of all images that have any, by image id, sorted. */
  referencesByImage(): Map<string, ImageReference[]>;
}

/** The images that others were made from here, by `docker commit`. */
export function parentIds({ images }: Pick<Catalogue, 'images'>): Set<string> {
  const parents = new Set<string>();
  for (const { parentId } of images.all()) if (parentId !== undefined) parents.add(parentId);
  return parents;
}

/** What a reference stands for in the records: with a tag, or with the digest alone where it has both. */
export function canonical(reference: ImageReference): ImageReference {
  if (reference.digest !== undefined) return { name: reference.name, digest: reference.digest };
  return withDefaultTag(reference);
}

/** Whether `text` is `id` or its beginning, with or without the algorithm. */
export function isIdPrefix(id: string, text: string): boolean {
  return text !== '' && (id.startsWith(text) || id.slice(id.indexOf(':') + 1).startsWith(text));
}

function parse(text: string): ImageReference | undefined {
  return /^[0-9a-f]{64}$/.test(text) || isDigest(text) ? undefined : parseReference(text);
}

function namesOf(references: readonly StoredReference[]): ImageReference[] {
  return references
    .map(({ id }) => id)
    .sort()
    .map(parseReference);
}

/** What Docker says of an image that does not run on the platform asked for. */
export function platformMismatch(name: string, image: Partial<Platform>, wanted: Platform): string {
  const found = `image with reference ${name} was found but its platform (${printPlatform(image)})`;
  return `${found} does not match the specified platform (${printPlatform(wanted)})`;
}

/** Opens the collections of images. */
export function openCatalogue(records: Pick<Records, 'collection'>): Catalogue {
  const images = records.collection<StoredImage>('images');
  const references = records.collection<StoredReference>('image-references');

  function byPrefix(text: string): StoredImage | undefined {
    if (!/^(sha256:)?[0-9a-f]+$/.test(text)) return undefined;
    let found: StoredImage | undefined;
    for (const image of images.all()) {
      if (!isIdPrefix(image.id, text)) continue;
      if (found !== undefined) return undefined;
      found = image;
    }
    return found;
  }

  return {
    images,
    references,
    layers: records.collection<StoredLayer>('layers'),
    manifests: records.collection<StoredManifest>('manifests'),
    rootfs: records.collection<StoredRootfs>('rootfs'),
    find(text, platform) {
      const reference = parse(text);
      const named = reference && references.get(formatReference(canonical(reference)));
      const image = (named && images.get(named.imageId)) ?? byPrefix(text);
      if (image !== undefined) {
        if (platform === undefined || runsOn(image, platform)) return image;
        throw fail('not-found', platformMismatch(text, image, platform));
      }
      const shown = reference === undefined ? text : familiarReference(withDefaultTag(reference));
      throw fail('not-found', `No such image: ${shown}`);
    },
    referencesOf: (imageId) => namesOf([...references.all()].filter((reference) => reference.imageId === imageId)),
    referencesByImage() {
      const grouped = Map.groupBy(references.all(), ({ imageId }) => imageId);
      return new Map([...grouped].map(([imageId, names]) => [imageId, namesOf(names)]));
    },
  };
}
