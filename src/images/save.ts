import type { Events } from '#events';
import {
  type Descriptor,
  digestOf,
  encodedOf,
  familiarName,
  familiarReference,
  formatReference,
  type ImageReference,
  isSamePlatform,
  mediaTypes,
  type Platform,
  parseReference,
  printPlatform,
  tarEnd,
  tarHeader,
  tarPadding,
} from '#oci';
import { EstibaError, fail } from '#std/errors';
import type { Blobs, Snapshots } from '#store';
import { type Catalogue, canonical, type StoredImage, type StoredLayer } from './catalogue.ts';
import { publishImageEvent } from './commit.ts';
import { type LayerStores, tarOfLayer } from './layer-content.ts';
import type { Layers } from './layers.ts';
import {
  blobsOfManifest,
  type LayerContent,
  type ManifestLayer,
  manifestsFor,
  manifestsOf,
  type StoredManifest,
  sourceOfLayer,
} from './manifests.ts';
import { verified } from './verified.ts';

interface SavedImage {
  readonly image: StoredImage;
  readonly references: readonly ImageReference[];
}

/** What goes into the archive under `blobs/sha256/`: bytes, a blob as it is, or the tar of a layer that is kept compressed. */
type Content = Uint8Array | (LayerContent & { readonly sizeBytes: number });

function byText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** The images named, each once, with those of their tags that were asked for. */
function select(catalogue: Catalogue, names: readonly string[]): SavedImage[] {
  const selected = new Map<string, Map<string, ImageReference>>();
  const add = (imageId: string, references: readonly ImageReference[]): void => {
    const present = selected.get(imageId) ?? new Map<string, ImageReference>();
    for (const reference of references) present.set(formatReference(reference), reference);
    selected.set(imageId, present);
  };
  const addName = (name: string): void => {
    const reference = /^(sha256:)?[0-9a-f]{64}$/.test(name) ? undefined : parseReference(name);
    if (reference === undefined || reference.digest !== undefined) {
      add(catalogue.find(name).id, []);
      return;
    }
    // A repository's name alone means all its tags.
    const isNameOnly = reference.tag === undefined;
    const matching = [...catalogue.references.all()].filter(({ id }) =>
      isNameOnly ? parseReference(id).name === reference.name : id === formatReference(canonical(reference)),
    );
    for (const { id, imageId } of matching) {
      const found = parseReference(id);
      if (found.digest === undefined) add(imageId, [found]);
    }
    if (matching.length === 0) add(catalogue.find(name).id, []);
  };
  for (const name of names) {
    try {
      addName(name);
    } catch (error) {
      if (error instanceof EstibaError && error.kind === 'not-found') {
        throw fail('not-found', `No such image: ${name}`, error);
      }
      throw error;
    }
  }
  return [...selected].flatMap(([imageId, references]) => {
    const image = catalogue.images.get(imageId);
    return image === undefined ? [] : [{ image, references: [...references.values()] }];
  });
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

const blobPath = (digest: string): string => `blobs/sha256/${encodedOf(digest)}`;

/** A manifest, and what it names. */
interface Part {
  readonly manifest: Descriptor;
  readonly layers: readonly ManifestLayer[];
  readonly contents: ReadonlyMap<string, Content>;
}

/** The manifest that an image came with, where all that it names is here; of an artifact nothing else is named. */
function keptPart(
  blobs: Blobs,
  manifest: StoredManifest,
  image: StoredImage,
  layers: readonly StoredLayer[],
): Part | undefined {
  const { id, mediaType, config, layers: named, artifactType } = manifest;
  const contents = new Map<string, Content>();
  if (!blobs.has(id) || (artifactType === undefined && named.length !== layers.length)) return undefined;
  for (const [index, descriptor] of (artifactType === undefined ? named : [config, ...named]).entries()) {
    const layer = artifactType === undefined ? layers[index] : undefined;
    const source =
      layer === undefined ? { blob: descriptor.digest } : sourceOfLayer(manifest, descriptor, layer, blobs);
    if (source === undefined) return undefined;
    const sizeBytes = 'blob' in source ? blobs.sizeBytes(source.blob) : source.tarOf.tarSizeBytes;
    if (sizeBytes === undefined || sizeBytes !== descriptor.size) return undefined;
    contents.set(descriptor.digest, { ...source, sizeBytes });
  }
  const content = blobs.get(id);
  if (artifactType === undefined) contents.set(image.id, blobs.get(image.id));
  contents.set(id, content);
  return { manifest: { mediaType, digest: id, size: content.length }, layers: named, contents };
}

/** A manifest of our own: the layers as they are in the configuration, not compressed. */
function madePart(blobs: Blobs, image: StoredImage, layers: readonly StoredLayer[]): Part {
  const config = blobs.get(image.id);
  const named = layers.map(({ diffId, tarSizeBytes }) => ({
    mediaType: mediaTypes.layer,
    digest: diffId,
    size: tarSizeBytes,
  }));
  const content = json({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: image.id, size: config.length },
    layers: named,
  });
  const manifest = { mediaType: mediaTypes.manifest, digest: digestOf(content), size: content.length };
  const contents = new Map<string, Content>([
    [image.id, config],
    [manifest.digest, content],
    ...layers.map((layer): [string, Content] => [layer.diffId, { tarOf: layer, sizeBytes: layer.tarSizeBytes }]),
  ]);
  return { manifest, layers: named, contents };
}

function indexEntries(descriptor: Descriptor, references: readonly ImageReference[]): Descriptor[] {
  if (references.length === 0) return [descriptor];
  return references.map((reference) => ({
    ...descriptor,
    annotations: {
      'io.containerd.image.name': formatReference(reference),
      'org.opencontainers.image.ref.name': reference.tag ?? '',
    },
  }));
}

function partOf(catalogue: Catalogue, blobs: Blobs, { image, references }: SavedImage): Part {
  const layers = image.chain.map((chainId) => {
    const layer = catalogue.layers.get(chainId);
    if (layer === undefined) throw fail('internal', `image ${image.id} has lost its layer ${chainId}`);
    return layer;
  });
  for (const manifest of manifestsFor(catalogue, image.id, references[0]?.name ?? '')) {
    const part = keptPart(blobs, manifest, image, layers);
    if (part !== undefined) return part;
  }
  if (image.artifactType !== undefined) throw fail('internal', `artifact ${image.id} has lost what it consists of`);
  return madePart(blobs, image, layers);
}

/** The files of the archive: those that tell of the images, and the content that they name. */
function planArchive(options: { catalogue: Catalogue; blobs: Blobs }, images: readonly SavedImage[]) {
  const { catalogue, blobs } = options;
  const contents = new Map<string, Content>();
  const index: Descriptor[] = [];
  const archive: object[] = [];
  const repositories: Record<string, Record<string, string>> = {};
  for (const saved of images) {
    const { image, references } = saved;
    const part = partOf(catalogue, blobs, saved);
    for (const [digest, content] of part.contents) contents.set(digest, content);
    index.push(...indexEntries(part.manifest, references));
    // Whoever reads a docker-archive alone knows no artifacts.
    if (image.artifactType !== undefined) continue;
    archive.push({
      Config: blobPath(image.id),
      RepoTags: references.length === 0 ? null : references.map(familiarReference),
      Layers: part.layers.map(({ digest }) => blobPath(digest)),
      LayerSources: Object.fromEntries(image.diffIds.map((diffId, at) => [diffId, part.layers[at]])),
    });
    const top = image.diffIds.at(-1);
    for (const { name, tag = '' } of references) {
      const family = familiarName(name);
      repositories[family] = { ...repositories[family], [tag]: top === undefined ? '' : encodedOf(top) };
    }
  }
  const files: [path: string, content: Uint8Array][] = [
    ['index.json', json({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: index })],
    ['manifest.json', json(archive)],
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
  ];
  if (Object.keys(repositories).length > 0) files.push(['repositories', json(repositories)]);
  return { contents: [...contents].sort(([one], [other]) => byText(one, other)), files };
}

async function* bytesOf(stores: LayerStores, content: Content): AsyncIterable<Uint8Array> {
  if (content instanceof Uint8Array) return yield content;
  // The header has promised a size: better a broken archive than a wrong one.
  if ('blob' in content) return yield* verified(stores.blobs, content.blob);
  let sizeBytes = 0;
  for await (const chunk of tarOfLayer(stores, content.tarOf)) {
    sizeBytes += chunk.length;
    yield chunk;
  }
  if (sizeBytes !== content.sizeBytes) throw fail('internal', `layer ${content.tarOf.id} is damaged on disk`);
}

async function* writeArchive(stores: LayerStores, { contents, files }: ReturnType<typeof planArchive>) {
  yield tarHeader({ path: 'blobs/', sizeBytes: 0, type: 'directory' });
  yield tarHeader({ path: 'blobs/sha256/', sizeBytes: 0, type: 'directory' });
  for (const [digest, content] of contents) {
    const sizeBytes = content instanceof Uint8Array ? content.length : content.sizeBytes;
    yield tarHeader({ path: blobPath(digest), sizeBytes });
    yield* bytesOf(stores, content);
    yield tarPadding(sizeBytes);
  }
  for (const [path, content] of files) {
    yield tarHeader({ path, sizeBytes: content.length });
    yield content;
    yield tarPadding(content.length);
  }
  yield tarEnd;
}

/**
 * An archive of images that is a docker-archive (`manifest.json`) and an OCI image layout at once. It depends on the
 * images and the names alone, so that the same call gives the same bytes. The layers are held until it is read or
 * cancelled. Throws before the first byte: `not-found`, or `internal` for an image that is not for `platform`.
 */
export function saveImages(
  options: { catalogue: Catalogue; blobs: Blobs; snapshots: Snapshots; layers: Layers; events: Events },
  names: readonly string[],
  platform?: Platform,
): ReadableStream<Uint8Array> {
  const { catalogue, blobs, layers } = options;
  const images = select(catalogue, names);
  if (platform !== undefined && !images.every(({ image }) => isSamePlatform(image, platform))) {
    throw fail('internal', `no suitable export target found for platform ${printPlatform(platform)}`);
  }
  const plan = planArchive({ catalogue, blobs }, images);
  const held = images.flatMap(({ image }) => image.chain.filter((chainId) => layers.hold(chainId) !== undefined));
  const heldBlobs = images.flatMap(({ image }) => manifestsOf(catalogue.manifests, image.id).flatMap(blobsOfManifest));
  for (const digest of heldBlobs) layers.holdBlob(digest);
  for (const { image } of images) publishImageEvent(options.events, 'save', image);
  const pieces = writeArchive(options, plan);
  let isHeld = true;
  const release = (): void => {
    if (!isHeld) return;
    isHeld = false;
    layers.release(held);
    for (const digest of heldBlobs) layers.releaseBlob(digest);
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        let next = await pieces.next();
        // An empty piece would read as the end.
        while (!next.done && next.value.length === 0) next = await pieces.next();
        if (!next.done) {
          controller.enqueue(next.value);
          return;
        }
        release();
        controller.close();
      } catch (error) {
        release();
        throw error;
      }
    },
    async cancel() {
      await pieces.return();
      release();
    },
  });
}
