import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Distribution } from '#distribution';
import type { Events } from '#events';
import { Slots } from '#std/slots';
import { openBlobs, openSnapshots, openUnpackers, type Records } from '#store';
import { openBlobSources } from './blob-sources.ts';
import { createBuildLayers } from './builds.ts';
import { openCatalogue } from './catalogue.ts';
import { checkImages } from './check/check.ts';
import { tagImage, targetReference } from './commit.ts';
import { commitContainer } from './commit-container.ts';
import { compareImages } from './compare/difference.ts';
import { diskShares } from './compare/disk.ts';
import { imageTree } from './compare/tree.ts';
import { imageHistory, inspectImage, listImages } from './describe.ts';
import { layerUsage } from './disk-usage.ts';
import { createImageGc } from './gc/gc.ts';
import { openLastUsed } from './gc/last-used.ts';
import type { ImageGcPolicy } from './gc/policy.ts';
import { importImage } from './import.ts';
import { applyChanges } from './import-changes.ts';
import { importRemote } from './import-remote.ts';
import { createLayers } from './layers.ts';
import { loadImages } from './load.ts';
import { createBaseImages } from './pull/base.ts';
import { pullImages } from './pull/pull.ts';
import { createTransfers } from './pull/transfers.ts';
import { pushImages } from './push/push.ts';
import { reconcileImages } from './reconcile.ts';
import { inspectDistribution, searchRegistry } from './registry-lookup.ts';
import { pruneImages, removeImage } from './remove.ts';
import { createRootfs } from './rootfs.ts';
import { saveImages } from './save.ts';
import type { Images, ImageUser } from './types.ts';

export interface ImagesOptions {
  readonly records: Records;
  readonly events: Events;
  /** The client of registries. */
  readonly distribution: Distribution;
  /** Blobs and snapshots are kept here, in `blobs/` and `snapshots/`. */
  readonly dataRoot: string;
  /** The containers, each with the image that it was made from. */
  readonly users: () => Iterable<ImageUser & { imageId: string }>;
  /** How many layers of all pushes are sent at once, asked each time; five where it is not said. */
  readonly uploadsAtOnce?: () => number;
  /** Starts an examiner's process; without it examinations are made in this one. */
  readonly examinerCommand?: readonly string[];
  /** How many layers may come in at once, asked each time; 3 where it is not said. */
  readonly concurrentDownloads?: () => number;
  /** When images are removed by themselves, asked each time; without it, or while it says nothing, never. */
  readonly gcPolicy?: () => ImageGcPolicy | undefined;
  /** Starts an unpacker's process; without it layers are unpacked in this one. */
  readonly unpackerCommand?: readonly string[];
}

function examinerOf({ examinerCommand }: ImagesOptions): Pick<ImagesOptions, 'examinerCommand'> {
  return examinerCommand === undefined ? {} : { examinerCommand };
}

/** Opens the images kept under `dataRoot`. */
export async function openImages(options: ImagesOptions): Promise<Images> {
  const { records, events, distribution } = options;
  // Mounting changes the working directory for a moment; nothing may depend on it.
  const dataRoot = resolve(options.dataRoot);
  mkdirSync(dataRoot, { recursive: true, mode: 0o711 });
  const blobs = openBlobs(join(dataRoot, 'blobs'));
  const snapshots = openSnapshots(join(dataRoot, 'snapshots'));
  const catalogue = openCatalogue(records);
  const unpackers = openUnpackers(options.unpackerCommand);
  const layers = createLayers({ records, catalogue, blobs, snapshots, unpackers });
  const blobSources = openBlobSources(records);
  const shared = {
    records,
    events,
    catalogue,
    blobs,
    snapshots,
    layers,
    blobSources,
    dataRoot,
    users: options.users,
    distribution,
    lastUsed: openLastUsed(records),
    transfers: createTransfers(options.concurrentDownloads ?? (() => 3)),
    ...examinerOf(options),
  };
  const uploads = new Slots(options.uploadsAtOnce ?? (() => 5));
  const pushing = { ...shared, uploads };
  return {
    rootfs: createRootfs(shared),
    bases: createBaseImages(shared),
    builds: createBuildLayers({ ...shared, slots: uploads }),
    resolve: (reference, platform) => catalogue.find(reference, platform),
    list: ({ all, filters, sharedSize }) =>
      listImages(shared, filters, { withAll: all, withSharedSize: sharedSize === true }),
    layersBytes: () => layerUsage(catalogue).totalBytes,
    inspect: (reference, platform) => inspectImage(shared, reference, platform),
    history: (reference, platform) => imageHistory(catalogue, reference, platform),
    tag: (source, repository, tag) => tagImage(shared, source, repository, tag),
    remove: async (reference, how) => removeImage(shared, reference, how),
    prune: async (filters) => pruneImages(shared, filters),
    change: (changes, config) => applyChanges(changes, config),
    checkName: (repository, tag) => {
      if (repository !== undefined) targetReference(repository, tag);
    },
    commit: (request) => commitContainer(shared, request),
    import: (request) => importImage(shared, request),
    importRemote: (request) => importRemote(shared, request),
    pull: (request) => pullImages(shared, request),
    load: (body, request) => loadImages(shared, body, request),
    save: async (references, platform) => saveImages(shared, references, platform),
    push: (request) => pushImages(pushing, request),
    lookUp: (name, lookup) => inspectDistribution(distribution, name, lookup),
    search: (request) => searchRegistry(distribution, request),
    check: (names, request) => checkImages(shared, names, request),
    compare: (before, after) => compareImages(shared, before, after),
    tree: (names) => imageTree(shared, names),
    diskShares: () => diskShares(shared),
    gc: createImageGc({ ...shared, gcPolicy: options.gcPolicy ?? (() => undefined) }),
    reconcile: () => reconcileImages(shared),
    settled: () => snapshots.settled(),
    close: () => unpackers.close(),
  };
}
