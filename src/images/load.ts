import type { ProgressMessage } from '#api';
import { chainIdOf, familiarReference, formatReference } from '#oci';
import { shortId } from '#std/identifiers';
import type { Catalogue, StoredLayer } from './catalogue.ts';
import { commitImages, type NewImage } from './commit.ts';
import { checkDepth, type Layers } from './layers.ts';
import { type ArchivedImage, readArchive } from './load-archive.ts';
import { type Spool, spoolArchive } from './load-spool.ts';

/** At most so often progress is told. */
const progressEveryMs = 100;

type Report = (message: ProgressMessage) => void;
type LoadOptions = Parameters<typeof commitImages>[0] & { layers: Layers };

async function* counted(source: AsyncIterable<Uint8Array>, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    count(chunk.length);
    yield chunk;
  }
}

/** Takes in one layer, telling now and then how far it is. */
async function loadLayer(
  layers: Layers,
  spool: Spool,
  request: { path: string; parent: string | undefined; diffId: string },
  report: Report,
): Promise<StoredLayer> {
  const { path, parent, diffId } = request;
  const total = spool.sizeBytes(path);
  let current = 0;
  let toldAtMs = performance.now();
  const tell = (): void => {
    toldAtMs = performance.now();
    report({ status: 'Loading layer', progressDetail: { current, total }, id: shortId(diffId) });
  };
  const source = counted(spool.stream(path), (bytes) => {
    current += bytes;
    if (performance.now() - toldAtMs >= progressEveryMs) tell();
  });
  const layer = layers.adopt(await layers.unpack(source, { expectedDiffId: diffId }), parent);
  current = total;
  tell();
  return layer;
}

/** All layers of one image, those that are here already included; `held` learns what the caller must release. */
async function loadLayers(
  layers: Layers,
  spool: Spool,
  image: ArchivedImage,
  held: string[],
  report: Report,
): Promise<StoredLayer[]> {
  const loaded: StoredLayer[] = [];
  checkDepth(image.file.rootfs.diff_ids);
  for (const [index, diffId] of image.file.rootfs.diff_ids.entries()) {
    const parent = loaded.at(-1)?.id;
    const path = image.layerPaths[index] ?? '';
    const present = layers.holdWhole(chainIdOf(parent, diffId));
    const layer = present ?? (await loadLayer(layers, spool, { path, parent, diffId }, report));
    held.push(layer.id);
    loaded.push(layer);
  }
  return loaded;
}

/** What Docker says of an image that is loaded, before its names move. */
function announce(catalogue: Catalogue, { id, references }: NewImage, report: Report): void {
  if (references.length === 0) report({ stream: `Loaded image ID: ${id}\n` });
  for (const reference of references) {
    const name = familiarReference(reference);
    const before = catalogue.references.get(formatReference(reference))?.imageId;
    if (before !== undefined && before !== id) {
      const text = `The image ${name} already exists, renaming the old one with ID ${before} to empty string\n`;
      report({ stream: text });
    }
    report({ stream: `Loaded image: ${name}\n` });
  }
}

async function load(options: LoadOptions, body: AsyncIterable<Uint8Array>, report: Report): Promise<void> {
  const { layers, blobs, catalogue } = options;
  const held: string[] = [];
  await using spool = await spoolArchive(body, blobs.makeTemporaryDirectory());
  try {
    const images: NewImage[] = [];
    for (const archived of readArchive(spool)) {
      images.push({ ...archived, layers: await loadLayers(layers, spool, archived, held, report) });
    }
    const announcements: ProgressMessage[] = [];
    for (const image of images) announce(catalogue, image, (message) => announcements.push(message));
    await commitImages(options, images, 'load');
    for (const message of announcements) report(message);
  } finally {
    layers.release(held);
  }
}

/**
 * Takes in all images of an archive, or none. It goes on to its end also when nobody reads its progress any more, unless
 * the body breaks off.
 */
export async function* loadImages(
  options: LoadOptions,
  body: AsyncIterable<Uint8Array>,
  quiet: boolean,
): AsyncGenerator<ProgressMessage> {
  const queue: ProgressMessage[] = [];
  let wake = Promise.withResolvers<void>();
  let isDone = false;
  const work = load(options, body, (message) => {
    if (quiet && message.status !== undefined) return;
    queue.push(message);
    wake.resolve();
  }).finally(() => {
    isDone = true;
    wake.resolve();
  });
  // Its failure is thrown below; until then it must not count as nobody's.
  work.catch(() => undefined);
  try {
    for (;;) {
      const message = queue.shift();
      if (message !== undefined) yield message;
      else if (isDone) break;
      else {
        await wake.promise;
        wake = Promise.withResolvers();
      }
    }
  } finally {
    await work;
  }
}
