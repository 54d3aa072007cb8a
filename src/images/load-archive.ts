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
  type Platform,
  parseArchiveManifest,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parseReference,
  withDefaultTag,
} from '#oci';
import { fail } from '#std/errors';
import type { Archive } from './load-pieces.ts';
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
}

/** How deep indexes may lie within each other. */
const nestingLimit = 4;

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

function readDockerArchive(archive: Descriptions): ArchivedImage[] {
  return parseArchiveManifest(archive.read('manifest.json')).map(({ config, layers, tags }) =>
    archived(archive.read(config), layers, tags.map(tagged)),
  );
}

/** The content of a descriptor, which must be what its digest says. */
function readBlob(archive: Descriptions, { digest }: Descriptor): Buffer {
  const content = archive.read(`blobs/sha256/${encodedOf(digest)}`);
  if (digestOf(content) !== digest) throw fail('invalid-argument', `invalid archive: ${digest} is damaged`);
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
  const present = manifests.filter(
    (manifest) => archive.has(`blobs/sha256/${encodedOf(manifest.digest)}`) && !isAttestation(manifest),
  );
  if (wanted === undefined) return choosePlatform(present, hostPlatform()) ?? present[0];
  const matching = present.find(({ platform }) => platform && isSamePlatform(platform, wanted));
  // Without its platform in the index, the configuration tells.
  return matching ?? present.find(({ platform }) => platform === undefined);
}

function readDescriptor(
  archive: Descriptions,
  descriptor: Descriptor,
  references: readonly ImageReference[],
  wanted: Platform | undefined,
  depth = 0,
): ArchivedImage | undefined {
  if (depth > nestingLimit) throw fail('invalid-argument', 'invalid archive: indexes lie too deep');
  const content = readBlob(archive, descriptor);
  if (isIndexType(descriptor.mediaType)) {
    const chosen = chooseManifest(archive, parseIndex(content).manifests, wanted);
    if (chosen === undefined && wanted !== undefined) return undefined;
    if (chosen === undefined) throw fail('invalid-argument', 'invalid archive: no image for this platform');
    return readDescriptor(archive, chosen, references, wanted, depth + 1);
  }
  const { config, layers } = parseManifest(content);
  const paths = layers.map(({ digest }) => `blobs/sha256/${encodedOf(digest)}`);
  return archived(readBlob(archive, config), paths, references);
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
  if (!archive.has('index.json')) {
    throw fail('invalid-argument', 'invalid archive: it holds neither manifest.json nor index.json');
  }
  const { manifests } = parseIndex(archive.read('index.json'));
  return manifests.map((descriptor) => readDescriptor(archive, descriptor, namesOf(descriptor), wanted));
}

/**
 * The images of an archive: by `manifest.json` (docker-archive) where it has one, else by `index.json` (OCI layout); with
 * `wanted` only those for that platform.
 */
export function readArchive(archive: Descriptions, wanted?: Platform): ArchivedImage[] {
  const images = readImages(archive, wanted).filter((image) => image !== undefined);
  return mergeSame(images.filter(({ file }) => wanted === undefined || isSamePlatform(file, wanted)));
}
