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
import { type Blobs, decompress, detectCompression } from '#store';
import { type Catalogue, canonical, type StoredImage, type StoredLayer } from './catalogue.ts';
import { publishImageEvent } from './commit.ts';
import type { Layers } from './layers.ts';

interface SavedImage {
  readonly image: StoredImage;
  readonly references: readonly ImageReference[];
}

/** What goes into the archive under `blobs/sha256/`. */
type Content = Uint8Array | StoredLayer;

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

function layerDescriptor({ diffId, tarSizeBytes }: StoredLayer): Descriptor {
  return { mediaType: mediaTypes.layer, digest: diffId, size: tarSizeBytes };
}

function manifestOf(config: Uint8Array, image: StoredImage, layers: readonly StoredLayer[]): Uint8Array {
  return json({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: image.id, size: config.length },
    layers: layers.map(layerDescriptor),
  });
}

function indexEntries(manifest: Uint8Array, references: readonly ImageReference[]): Descriptor[] {
  const descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(manifest), size: manifest.length };
  if (references.length === 0) return [descriptor];
  return references.map((reference) => ({
    ...descriptor,
    annotations: {
      'io.containerd.image.name': formatReference(reference),
      'org.opencontainers.image.ref.name': reference.tag ?? '',
    },
  }));
}

/** The files of the archive: those that tell of the images, and the content that they name. */
function planArchive(options: { catalogue: Catalogue; blobs: Blobs }, images: readonly SavedImage[]) {
  const { catalogue, blobs } = options;
  const contents = new Map<string, Content>();
  const index: Descriptor[] = [];
  const archive: object[] = [];
  const repositories: Record<string, Record<string, string>> = {};
  for (const { image, references } of images) {
    const layers = image.chain.map((chainId) => {
      const layer = catalogue.layers.get(chainId);
      if (layer === undefined) throw fail('internal', `image ${image.id} has lost its layer ${chainId}`);
      return layer;
    });
    const config = blobs.get(image.id);
    const manifest = manifestOf(config, image, layers);
    contents.set(image.id, config);
    contents.set(digestOf(manifest), manifest);
    for (const layer of layers) contents.set(layer.diffId, layer);
    index.push(...indexEntries(manifest, references));
    archive.push({
      Config: blobPath(image.id),
      RepoTags: references.length === 0 ? null : references.map(familiarReference),
      Layers: layers.map(({ diffId }) => blobPath(diffId)),
      LayerSources: Object.fromEntries(layers.map((layer) => [layer.diffId, layerDescriptor(layer)])),
    });
    const top = layers.at(-1);
    for (const { name, tag = '' } of references) {
      const family = familiarName(name);
      repositories[family] = { ...repositories[family], [tag]: top === undefined ? '' : encodedOf(top.diffId) };
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

async function* layerTar(blobs: Blobs, layer: StoredLayer): AsyncGenerator<Uint8Array> {
  const { compression, source } = await detectCompression(blobs.read(layer.blob));
  let sizeBytes = 0;
  for await (const chunk of decompress(source, compression)) {
    sizeBytes += chunk.length;
    yield chunk;
  }
  // The header has promised a size: better a broken archive than a wrong one.
  if (sizeBytes !== layer.tarSizeBytes) throw fail('internal', `layer ${layer.id} is damaged on disk`);
}

async function* writeArchive(blobs: Blobs, { contents, files }: ReturnType<typeof planArchive>) {
  yield tarHeader({ path: 'blobs/', sizeBytes: 0, type: 'directory' });
  yield tarHeader({ path: 'blobs/sha256/', sizeBytes: 0, type: 'directory' });
  for (const [digest, content] of contents) {
    const sizeBytes = content instanceof Uint8Array ? content.length : content.tarSizeBytes;
    yield tarHeader({ path: blobPath(digest), sizeBytes });
    if (content instanceof Uint8Array) yield content;
    else yield* layerTar(blobs, content);
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
  options: { catalogue: Catalogue; blobs: Blobs; layers: Layers; events: Events },
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
  for (const { image } of images) publishImageEvent(options.events, 'save', image);
  const pieces = writeArchive(blobs, plan);
  let isHeld = true;
  const release = (): void => {
    if (isHeld) layers.release(held);
    isHeld = false;
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
