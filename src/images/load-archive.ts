import {
  type Descriptor,
  digestOf,
  encodedOf,
  familiarReference,
  hostPlatform,
  type ImageConfigFile,
  type ImageReference,
  isIndexType,
  isSamePlatform,
  mediaTypes,
  type Platform,
  parseArchiveManifest,
  parseImageConfig,
  parseIndex,
  parseReference,
  withDefaultTag,
} from '#oci';
import { fail, kindOf } from '#std/errors';
import type { Archive } from './load-pieces.ts';
import { describeManifest, type NewManifest } from './manifests.ts';
import { choosePlatform, isAttestation } from './pull/platform-choice.ts';

/** What is looked at to find the images. */
type Descriptions = Pick<Archive<unknown>, 'has' | 'read'>;

/** One image of an archive: its configuration, and where in the archive its layers are, from the base upwards. */
export interface ArchivedImage {
  readonly id: string;
  readonly content: Uint8Array;
  readonly file: ImageConfigFile;
  readonly layerPaths: readonly string[];
  readonly references: readonly ImageReference[];
  /** As the archive has it; not there when it has none, or one that says nothing. */
  readonly manifest?: NewManifest;
}

/** How deep indexes may lie within each other, and how many manifests of an archive are looked at. */
const nestingLimit = 4;
const manifestsLimit = 1000;

/** Layers that are not compressed: `docker save` names them so, whatever the image's own manifest says. */
const plainLayers: readonly string[] = [mediaTypes.layer, 'application/vnd.docker.image.rootfs.diff.tar'];

const pathOf = ({ digest }: { readonly digest: string }): string => `blobs/sha256/${encodedOf(digest)}`;

function archived(
  content: Uint8Array,
  layerPaths: readonly string[],
  references: readonly ImageReference[],
): ArchivedImage {
  const file = parseImageConfig(content);
  const expected = file.rootfs.diff_ids.length;
  if (layerPaths.length !== expected) {
    throw fail(
      'invalid-argument',
      `invalid manifest, layers length mismatch: expected ${expected}, got ${layerPaths.length}`,
    );
  }
  return { id: digestOf(content), content, file, layerPaths, references };
}

function tagged(text: string): ImageReference {
  const reference = parseReference(text);
  if (reference.tag === undefined || reference.digest !== undefined) {
    throw fail('invalid-argument', `invalid tag ${JSON.stringify(text)}`);
  }
  return reference;
}

/** The content of a descriptor, which must be what its digest says. */
function readBlob(archive: Descriptions, descriptor: Descriptor): Buffer {
  const content = archive.read(pathOf(descriptor));
  if (digestOf(content) !== descriptor.digest) {
    throw fail('invalid-argument', `invalid archive: ${descriptor.digest} is damaged`);
  }
  return content;
}

/** The name that an index gives to an image: containerd's full one, or what the specification's annotation allows. */
function namesOf({ annotations = {} }: Descriptor): ImageReference[] {
  const full = annotations['io.containerd.image.name'];
  const short = annotations['org.opencontainers.image.ref.name'];
  if (full !== undefined) return [withDefaultTag(parseReference(full))];
  // A bare tag names no repository.
  return short !== undefined && /[/:]/.test(short) ? [withDefaultTag(parseReference(short))] : [];
}

/** Of an image for several platforms, the one that runs here (else the first that the archive holds). */
function chooseManifest(
  archive: Descriptions,
  manifests: readonly Descriptor[],
  wanted: Platform | undefined,
): Descriptor | undefined {
  const present = manifests.filter((manifest) => archive.has(pathOf(manifest)) && !isAttestation(manifest));
  if (wanted === undefined) return choosePlatform(present, hostPlatform()) ?? present[0];
  const matching = present.find(({ platform }) => platform && isSamePlatform(platform, wanted));
  // Without its platform in the index, the configuration tells.
  return matching ?? present.find(({ platform }) => platform === undefined);
}

/** An index or a manifest, and the indexes on the way to it. */
interface Place {
  readonly descriptor: Descriptor;
  readonly content: Buffer;
  readonly indexes: readonly { readonly descriptor: Descriptor; readonly content: Buffer }[];
}

function placeOf(archive: Descriptions, descriptor: Descriptor, above?: Place): Place {
  const indexes =
    above === undefined ? [] : [{ descriptor: above.descriptor, content: above.content }, ...above.indexes];
  if (indexes.length > nestingLimit) throw fail('invalid-argument', 'invalid archive: indexes lie too deep');
  return { descriptor, content: readBlob(archive, descriptor), indexes };
}

function manifestAt({ descriptor, content, indexes }: Place): NewManifest {
  const named = indexes.map((index) => {
    const { mediaType, digest } = index.descriptor;
    return { mediaType, digest, size: index.content.length };
  });
  const record = describeManifest(content, descriptor.mediaType, named);
  return { record, contents: [content, ...indexes.map((index) => index.content)] };
}

/** The image, or the artifact, that a manifest is of. */
function imageOf(archive: Descriptions, manifest: NewManifest, references: readonly ImageReference[]): ArchivedImage {
  const { id, config, layers, artifactType } = manifest.record;
  const [content] = manifest.contents;
  if (artifactType !== undefined && content !== undefined) {
    const file = { rootfs: { type: 'layers', diff_ids: [] } };
    return { id, content, file, layerPaths: [], references, manifest };
  }
  return { ...archived(readBlob(archive, config), layers.map(pathOf), references), manifest };
}

function readPlace(
  archive: Descriptions,
  place: Place,
  references: readonly ImageReference[],
  wanted: Platform | undefined,
): ArchivedImage | undefined {
  if (!isIndexType(place.descriptor.mediaType)) return imageOf(archive, manifestAt(place), references);
  const chosen = chooseManifest(archive, parseIndex(place.content).manifests, wanted);
  if (chosen === undefined && wanted !== undefined) return undefined;
  if (chosen === undefined) throw fail('invalid-argument', 'invalid archive: no image for this platform');
  return readPlace(archive, placeOf(archive, chosen, place), references, wanted);
}

function readLayout(archive: Descriptions, wanted: Platform | undefined): (ArchivedImage | undefined)[] {
  const { manifests } = parseIndex(archive.read('index.json'));
  return manifests.map((descriptor) => readPlace(archive, placeOf(archive, descriptor), namesOf(descriptor), wanted));
}

/** All manifests that the index of a docker-archive leads to, with the names that they have there. */
function* manifestsOfLayout(archive: Descriptions): Generator<{ manifest: NewManifest; names: ImageReference[] }> {
  const open = parseIndex(archive.read('index.json')).manifests.map((descriptor) => ({
    descriptor,
    above: undefined as Place | undefined,
    names: namesOf(descriptor),
  }));
  for (let looked = 0; looked < manifestsLimit; looked += 1) {
    const next = open.shift();
    if (next === undefined) return;
    if (!archive.has(pathOf(next.descriptor)) || isAttestation(next.descriptor)) continue;
    const place = placeOf(archive, next.descriptor, next.above);
    if (isIndexType(next.descriptor.mediaType)) {
      for (const descriptor of parseIndex(place.content).manifests) open.push({ ...next, descriptor, above: place });
    } else yield { manifest: manifestAt(place), names: next.names };
  }
}

/** What the OCI half of a docker-archive adds: manifests of its images, and artifacts. What is wrong with it is no matter. */
function readOtherHalf(archive: Descriptions, images: readonly ArchivedImage[]): ArchivedImage[] {
  const manifests = new Map<string, NewManifest>();
  const artifacts: ArchivedImage[] = [];
  try {
    for (const { manifest, names } of archive.has('index.json') ? manifestsOfLayout(archive) : []) {
      const { artifactType, imageId, layers } = manifest.record;
      if (artifactType !== undefined) artifacts.push(imageOf(archive, manifest, names));
      else if (!layers.every(({ mediaType }) => plainLayers.includes(mediaType))) manifests.set(imageId, manifest);
    }
  } catch (error) {
    if (kindOf(error) !== 'invalid-argument') throw error;
  }
  const withManifests = images.map((image) => {
    const manifest = manifests.get(image.id);
    const isSame = manifest !== undefined && Bun.deepEquals(manifest.record.layers.map(pathOf), [...image.layerPaths]);
    return isSame ? { ...image, manifest } : image;
  });
  return [...withManifests, ...artifacts];
}

function readDockerArchive(archive: Descriptions): ArchivedImage[] {
  const images = parseArchiveManifest(archive.read('manifest.json')).map(({ config, layers, tags }) =>
    archived(archive.read(config), layers, tags.map(tagged)),
  );
  return readOtherHalf(archive, images);
}

/** Several entries of an index may be one image under several names. */
function mergeSame(images: readonly ArchivedImage[]): ArchivedImage[] {
  const merged = new Map<string, ArchivedImage>();
  for (const image of images) {
    const present = merged.get(image.id);
    const references = new Map(
      [...(present?.references ?? []), ...image.references].map((reference) => [
        familiarReference(reference),
        reference,
      ]),
    );
    merged.set(image.id, { ...(present ?? image), references: [...references.values()] });
  }
  return [...merged.values()];
}

function readImages(archive: Descriptions, wanted: Platform | undefined): (ArchivedImage | undefined)[] {
  if (archive.has('manifest.json')) return readDockerArchive(archive);
  if (archive.has('index.json')) return readLayout(archive, wanted);
  throw fail('invalid-argument', 'invalid archive: it holds neither manifest.json nor index.json');
}

/**
 * The images of an archive: by `manifest.json` (docker-archive) where it has one, else by `index.json` (OCI layout); with
 * `wanted` only those for that platform.
 */
export function readArchive(archive: Descriptions, wanted?: Platform): ArchivedImage[] {
  const images = readImages(archive, wanted).filter((image) => image !== undefined);
  return mergeSame(images.filter(({ file }) => wanted === undefined || isSamePlatform(file, wanted)));
}
