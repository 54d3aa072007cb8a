import {
  type Descriptor,
  digestOf,
  encodedOf,
  familiarReference,
  type ImageConfigFile,
  type ImageReference,
  isIndexType,
  parseArchiveManifest,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parseReference,
  withDefaultTag,
} from '#oci';
import { fail } from '#std/errors';
import type { Spool } from './load-spool.ts';
import { hostPlatform } from './platform.ts';

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

function readDockerArchive(spool: Spool): ArchivedImage[] {
  return parseArchiveManifest(spool.read('manifest.json')).map(({ config, layers, tags }) =>
    archived(spool.read(config), layers, tags.map(tagged)),
  );
}

/** The content of a descriptor, which must be what its digest says. */
function readBlob(spool: Spool, { digest }: Descriptor): Buffer {
  const content = spool.read(`blobs/sha256/${encodedOf(digest)}`);
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
function choosePlatform(spool: Spool, manifests: readonly Descriptor[]): Descriptor | undefined {
  const { os, architecture } = hostPlatform();
  const present = manifests.filter(
    ({ digest, annotations }) =>
      spool.has(`blobs/sha256/${encodedOf(digest)}`) &&
      annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest',
  );
  return present.find(({ platform }) => platform?.os === os && platform.architecture === architecture) ?? present[0];
}

function readDescriptor(
  spool: Spool,
  descriptor: Descriptor,
  references: readonly ImageReference[],
  depth = 0,
): ArchivedImage {
  if (depth > nestingLimit) throw fail('invalid-argument', 'invalid archive: indexes lie too deep');
  const content = readBlob(spool, descriptor);
  if (isIndexType(descriptor.mediaType)) {
    const chosen = choosePlatform(spool, parseIndex(content).manifests);
    if (chosen === undefined) throw fail('invalid-argument', 'invalid archive: no image for this platform');
    return readDescriptor(spool, chosen, references, depth + 1);
  }
  const { config, layers } = parseManifest(content);
  const paths = layers.map(({ digest }) => `blobs/sha256/${encodedOf(digest)}`);
  return archived(readBlob(spool, config), paths, references);
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

/** The images of an archive: by `manifest.json` (docker-archive) where it has one, else by `index.json` (OCI layout). */
export function readArchive(spool: Spool): ArchivedImage[] {
  if (spool.has('manifest.json')) return mergeSame(readDockerArchive(spool));
  if (!spool.has('index.json')) {
    throw fail('invalid-argument', 'invalid archive: it holds neither manifest.json nor index.json');
  }
  const { manifests } = parseIndex(spool.read('index.json'));
  return mergeSame(manifests.map((descriptor) => readDescriptor(spool, descriptor, namesOf(descriptor))));
}
