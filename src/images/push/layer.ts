import type { Repository } from '#distribution';
import type { Descriptor } from '#oci';
import { shortId } from '#std/identifiers';
import type { Slots } from '#std/slots';
import { type Blobs, compressionOf, detectCompression, gzip, type Snapshots } from '#store';
import type { BlobSources, StoredBlobSource } from '../blob-sources.ts';
import type { StoredLayer } from '../catalogue.ts';
import { countDown } from '../count-down.ts';
import { tarOfLayer } from '../layer-content.ts';
import type { LayerContent } from '../manifests.ts';
import { createMeter, progressMessage, type Report } from '../progress.ts';
import { verified } from '../verified.ts';

/** Where layers are sent to, and from what. */
export interface LayerTarget {
  readonly repository: Repository;
  readonly blobs: Blobs;
  readonly snapshots: Pick<Snapshots, 'layerPath'>;
  readonly blobSources: BlobSources;
  /** How many layers of all pushes are sent at once. */
  readonly slots: Slots;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** A layer to be sent; `descriptor` and its `source` where the manifest has named it already, else it goes as gzip. */
export interface LayerToPush {
  readonly layer: StoredLayer;
  readonly descriptor?: Descriptor;
  readonly source?: LayerContent | undefined;
}

/** The type of what is sent of layers that are not from a registry: what every client reads. */
export const gzipLayerType = 'application/vnd.docker.image.rootfs.diff.tar.gzip';

/** So many blobs that may hold the layer are asked for, and so many repositories that may have it. */
const guesses = 4;

interface Found {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Registry and the rest of a repository's name. */
function splitName(name: string): { host: string; path: string } {
  const slash = name.indexOf('/');
  return { host: name.slice(0, slash), path: name.slice(slash + 1) };
}

async function isGzip(blobs: Blobs, digest: string): Promise<boolean> {
  if (!blobs.has(digest)) return false;
  const { start, source } = await detectCompression(blobs.read(digest));
  await source[Symbol.asyncIterator]().return?.();
  return compressionOf(start) === 'gzip';
}

async function* counted(source: AsyncIterable<Uint8Array>, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    count(chunk.length);
    yield chunk;
  }
}

/** A blob that the registry could have: as it is here, or as it was when the layer was sent or fetched before. */
async function candidatesOf(
  { blobs, blobSources, repository }: LayerTarget,
  { layer, descriptor }: LayerToPush,
): Promise<StoredBlobSource[]> {
  const { diffId } = layer;
  const named = (digest: string, sizeBytes: number, mediaType: string): StoredBlobSource =>
    blobSources.get(digest) ?? { id: digest, diffId, mediaType, sizeBytes, repositories: [], seenAtMs: 0 };
  if (descriptor !== undefined) return [named(descriptor.digest, descriptor.size, descriptor.mediaType)];
  const gzipped = layer.blob !== undefined && (await isGzip(blobs, layer.blob)) ? layer.blob : undefined;
  if (gzipped !== undefined) return [named(gzipped, blobs.sizeBytes(gzipped) ?? 0, gzipLayerType)];
  const known = blobSources.ofDiffId(diffId).filter(({ mediaType }) => mediaType.endsWith('gzip'));
  const isHere = ({ repositories }: StoredBlobSource): number => Number(repositories.includes(repository.name));
  return known.sort((one, other) => isHere(other) - isHere(one)).slice(0, guesses);
}

/** Looks for one of the candidates in the repository itself. */
async function findExisting(
  { repository, blobSources }: LayerTarget,
  candidates: readonly StoredBlobSource[],
): Promise<Found | undefined> {
  for (const { id, repositories } of candidates) {
    const there = await repository.headBlob(id);
    if (there !== undefined) return { digest: id, sizeBytes: there.sizeBytes };
    if (repositories.includes(repository.name)) blobSources.drop(id, repository.name);
  }
  return undefined;
}

/** Has the registry take a blob over from another of its repositories. */
export async function mountFromOther(
  { repository, blobSources }: Pick<LayerTarget, 'repository' | 'blobSources'>,
  candidates: readonly StoredBlobSource[],
): Promise<(Found & { from: string }) | undefined> {
  const { host } = splitName(repository.name);
  const places = candidates.flatMap((source) =>
    source.repositories
      .filter((name) => name !== repository.name && splitName(name).host === host)
      .map((name) => ({ source, name })),
  );
  for (const { source, name } of places.slice(0, guesses)) {
    const from = splitName(name).path;
    if (await repository.mountBlob(source.id, from)) return { digest: source.id, sizeBytes: source.sizeBytes, from };
    blobSources.drop(source.id, name);
  }
  return undefined;
}

/** The blob that is sent as it is; undefined where the layer's tar is, packed anew or not at all. */
async function wholeBlob(
  { blobs }: LayerTarget,
  layer: StoredLayer,
  given: LayerContent | undefined,
): Promise<string | undefined> {
  if (given !== undefined) return 'blob' in given ? given.blob : undefined;
  return layer.blob !== undefined && (await isGzip(blobs, layer.blob)) ? layer.blob : undefined;
}

/** Sends the layer, telling how far it is. */
async function upload(target: LayerTarget, { layer, descriptor, source: given }: LayerToPush): Promise<Found> {
  const { repository, blobs, report } = target;
  const id = shortId(layer.diffId);
  const whole = await wholeBlob(target, layer, given);
  const blobBytes = whole === undefined ? 0 : (blobs.sizeBytes(whole) ?? 0);
  const totalBytes = whole === undefined ? layer.sizeBytes : blobBytes;
  const waits = countDown((status) => report(progressMessage(id, status)));
  const open = (): AsyncIterable<Uint8Array> => {
    waits.end();
    const meter = createMeter(report, { id, status: 'Pushing', totalBytes });
    if (whole !== undefined) return verified(blobs, whole, meter.add);
    const plain = counted(tarOfLayer(target, layer), meter.add);
    // What the manifest names was not compressed, but is kept so.
    return descriptor === undefined ? gzip(plain) : plain;
  };
  const named =
    descriptor !== undefined
      ? { digest: descriptor.digest, sizeBytes: descriptor.size }
      : whole !== undefined
        ? { digest: whole, sizeBytes: blobBytes }
        : {};
  try {
    return await repository.uploadBlob({ ...named, open, onRetry: waits.begin });
  } finally {
    waits.end();
  }
}

/**
 * Sees to it that the repository has a layer, and gives the blob's descriptor there. What it has is not sent, what another
 * repository of the same registry has is taken over from there.
 */
export async function pushLayer(target: LayerTarget, toPush: LayerToPush): Promise<Descriptor> {
  const { repository, blobSources, slots, report, signal } = target;
  const id = shortId(toPush.layer.diffId);
  const tell = (status: string): void => report(progressMessage(id, status));
  if (slots.isFull) tell('Waiting');
  const { digest, sizeBytes } = await slots.run(async (): Promise<Found> => {
    const candidates = await candidatesOf(target, toPush);
    const existing = await findExisting(target, candidates);
    if (existing !== undefined) {
      tell('Layer already exists');
      return existing;
    }
    const mounted = await mountFromOther(target, candidates);
    if (mounted !== undefined) {
      tell(`Mounted from ${mounted.from}`);
      return mounted;
    }
    const sent = await upload(target, toPush);
    tell('Pushed');
    return sent;
  }, signal);
  const { diffId } = toPush.layer;
  const mediaType = toPush.descriptor?.mediaType ?? gzipLayerType;
  blobSources.put({ digest, diffId, mediaType, sizeBytes, repository: repository.name });
  return { mediaType, digest, size: sizeBytes };
}
