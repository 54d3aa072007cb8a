import type { ProgressMessage } from '#api';
import { familiarReference, formatReference, type Platform } from '#oci';
import type { Catalogue } from './catalogue.ts';
import { commitImages, type NewImage } from './commit.ts';
import type { LayerStores } from './layer-content.ts';
import type { Layers } from './layers.ts';
import { readArchive } from './load-archive.ts';
import { ArchiveBlobs } from './load-blobs.ts';
import { ArchiveLayers } from './load-layers.ts';
import { readPieces } from './load-pieces.ts';
import { type Report, reporting } from './progress.ts';

type LoadOptions = Parameters<typeof commitImages>[0] & LayerStores & { layers: Layers };

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

async function load(
  options: LoadOptions,
  body: AsyncIterable<Uint8Array>,
  platform: Platform | undefined,
  report: Report,
): Promise<void> {
  const { layers, catalogue } = options;
  const archiveLayers = new ArchiveLayers(options, report);
  let blobs: ArchiveBlobs | undefined;
  try {
    const archive = await readPieces(body, archiveLayers.receive);
    const archivedImages = readArchive(archive, platform);
    const images: NewImage[] = [];
    blobs = new ArchiveBlobs(options, archive);
    for (const archived of archivedImages) {
      const { manifest: given, ...image } = archived;
      if (given?.record.artifactType !== undefined) await blobs.keepParts(given.record);
      const taken = await archiveLayers.take(archive, archived);
      const manifest = await blobs.manifestOf(archived, taken);
      images.push({ ...image, layers: taken, ...(manifest && { manifest }) });
    }
    if (images.length === 0) {
      // Docker's own answer when no image is for the platform asked for.
      report({});
      return;
    }
    await archiveLayers.abandonRest();
    const announcements: ProgressMessage[] = [];
    for (const image of images) announce(catalogue, image, (message) => announcements.push(message));
    await commitImages(options, images, 'load');
    for (const message of announcements) report(message);
  } finally {
    await archiveLayers.abandonRest();
    layers.release(archiveLayers.held);
    blobs?.release();
  }
}

/**
 * Takes in all images of an archive, or none. It goes on to its end also when nobody reads its progress any more, unless
 * the body breaks off.
 */
export function loadImages(
  options: LoadOptions,
  body: AsyncIterable<Uint8Array>,
  { quiet, platform }: { quiet: boolean; platform?: Platform | undefined },
): AsyncGenerator<ProgressMessage> {
  return reporting((report) =>
    load(options, body, platform, (message) => {
      if (!quiet || message.status === undefined) report(message);
    }),
  );
}
