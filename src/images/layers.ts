import { chainIdOf, mediaTypes } from '#oci';
import { fail } from '#std/errors';
import { formatTime, nowNs } from '#std/time';
import type { Blobs, Records, Snapshots, Unpackers } from '#store';
import type { MeasuredDraft } from './build-layers.ts';
import type { Catalogue, StoredLayer } from './catalogue.ts';
import { type Expected, type LayerSource, type LooseLayer, unpackLoose } from './loose-layer.ts';
import { blobsOfManifest } from './manifests.ts';

/** Takes layers in and lets them go; a layer that someone holds is not removed, whatever the records say. */
export interface Layers {
  /**
   * Unpacks a layer's tar in one pass, and keeps it as a blob; it needs to know nothing of the layers below, so that several
   * can be unpacked at once. Not yet synced. Whoever has it must `adopt` or `abandon` it. Throws `invalid-argument` when the
   * source is damaged or not what was expected.
   */
  unpack(source: LayerSource, expected?: Expected): Promise<LooseLayer>;
  /** Puts it above `parent` (a chain id, or nothing), and holds it until `release`; not yet recorded. */
  adopt(loose: LooseLayer, parent: string | undefined): StoredLayer;
  /** The same for one that was made as a tree, and has no blob; it is recorded by `recordTrees` once it is synced, or by its image. */
  adoptTree(measured: MeasuredDraft, parent: string | undefined): StoredLayer;
  /** Has a held layer that no image names yet be found and recorded as a tree is; returns it as it is recorded. */
  addTree(layer: StoredLayer): StoredLayer;
  /** Trees that were adopted and that no record names yet. */
  unrecordedTrees(): StoredLayer[];
  /** Records these, those that are still there. */
  recordTrees(trees: readonly StoredLayer[]): void;
  /** Has layers stay that no image has, while somebody says so: asked whenever one is about to be removed. */
  keepFor(isKept: (chainId: string) => boolean): void;
  /** Whether somebody says so. */
  isKept(chainId: string): boolean;
  /** Puts it in the place of a layer that is recorded, of the same blob, and that nothing has mounted. */
  replace(loose: LooseLayer, layer: StoredLayer, parent: string | undefined): void;
  /** Throws it away, and its blob when nobody else has that. */
  abandon(loose: LooseLayer): void;
  /** Keeps a blob that no record names yet until `releaseBlob`. */
  holdBlob(digest: string): void;
  /** Lets a blob go; it is removed when nothing uses it. */
  releaseBlob(digest: string): void;
  /** The same, but it is set aside for who downloads it next. */
  keepBlob(digest: string): void;
  /** Removes those of these blobs that nothing uses any more. */
  sweepBlobs(digests: Iterable<string>): void;
  /** Holds a layer that is recorded, or adopted as a tree; undefined when it is not there. */
  hold(chainId: string): StoredLayer | undefined;
  /** The same, but only when its files, and its blob if it has one, are there: else it is to be had anew. */
  holdWhole(chainId: string): StoredLayer | undefined;
  /** Whether somebody holds it. */
  isHeld(chainId: string): boolean;
  /** Lets layers go, and removes those that nothing uses any more; returns the chain ids of what it removed, top first. */
  release(chainIds: Iterable<string>): string[];
  /** Removes those of these layers that nothing uses any more, top first. */
  sweep(chainIds: readonly string[]): string[];
}

/** As many as Docker lets an image have. */
const layersMax = 125;

/** Throws what Docker does for an image of more layers than one may have: before any of them is taken in. */
export function checkDepth(layers: { readonly length: number }): void {
  if (layers.length > layersMax) throw fail('internal', 'max depth exceeded');
}

/** Layers over their three stores. */
export function createLayers(options: {
  records: Pick<Records, 'transaction'>;
  catalogue: Catalogue;
  blobs: Blobs;
  snapshots: Snapshots;
  unpackers: Unpackers;
}): Layers {
  const { records, catalogue, blobs, snapshots } = options;
  const holds = new Map<string, number>();
  /** Blobs of layers that are not recorded yet. */
  const unrecorded = new Map<string, string>();
  /** Blobs of layers that are unpacked, with how often. */
  const looseBlobs = new Map<string, number>();

  /** Layers that were made as trees, and are not recorded yet. */
  const trees = new Map<string, StoredLayer>();
  const keepers: ((chainId: string) => boolean)[] = [];

  function addHold(chainId: string): void {
    holds.set(chainId, (holds.get(chainId) ?? 0) + 1);
  }

  function isUsed(chainId: string): boolean {
    if (holds.has(chainId)) return true;
    for (const image of catalogue.images.all()) if (image.chain.includes(chainId)) return true;
    for (const rootfs of catalogue.rootfs.all()) if (rootfs.chain.includes(chainId)) return true;
    return isKept(chainId);
  }

  function isKept(chainId: string): boolean {
    return keepers.some((keeps) => keeps(chainId));
  }

  function isBlobUsed(digest: string): boolean {
    if (catalogue.images.get(digest) !== undefined) return true;
    for (const layer of catalogue.layers.all()) if (layer.blob === digest) return true;
    for (const manifest of catalogue.manifests.all()) if (blobsOfManifest(manifest).includes(digest)) return true;
    return looseBlobs.has(digest) || [...unrecorded.values()].includes(digest);
  }

  function sweep(chainIds: readonly string[]): string[] {
    const unused = [...chainIds].reverse().filter((chainId) => !isUsed(chainId));
    const freed = unused.map((chainId) => catalogue.layers.get(chainId)?.blob ?? unrecorded.get(chainId));
    // The records go first: files without a record are found at the next start, a record without files is a lie.
    records.transaction(() => {
      for (const chainId of unused) catalogue.layers.delete(chainId);
    });
    for (const chainId of unused) {
      unrecorded.delete(chainId);
      trees.delete(chainId);
      snapshots.removeLayer(chainId);
    }
    sweepBlobs(freed.filter((digest) => digest !== undefined));
    return unused;
  }

  function sweepBlobs(digests: Iterable<string>): void {
    for (const digest of digests) if (!isBlobUsed(digest)) blobs.delete(digest);
  }

  function holdBlob(digest: string): void {
    looseBlobs.set(digest, (looseBlobs.get(digest) ?? 0) + 1);
  }

  function letBlobGo(digest: string): void {
    const count = (looseBlobs.get(digest) ?? 0) - 1;
    if (count > 0) looseBlobs.set(digest, count);
    else looseBlobs.delete(digest);
  }

  function unpack(source: LayerSource, expected: Expected = {}): Promise<LooseLayer> {
    return unpackLoose({ ...options, holdBlob, releaseBlob }, source, expected);
  }

  function abandon(loose: LooseLayer): void {
    loose.draft.discard();
    releaseBlob(loose.blob);
  }

  function releaseBlob(digest: string): void {
    letBlobGo(digest);
    sweepBlobs([digest]);
  }

  function adopt(loose: LooseLayer, parent: string | undefined): StoredLayer {
    const { diffId, blob, mediaType, tarSizeBytes, sizeBytes, draft, hasRoot } = loose;
    const id = chainIdOf(parent, diffId);
    const known = catalogue.layers.get(id) ?? trees.get(id);
    if (known !== undefined && snapshots.hasLayer(id)) {
      addHold(id);
      if (known.blob !== undefined && blobs.has(known.blob)) {
        abandon(loose);
        return known;
      }
      // It has no blob, or lost it, and this one holds the same.
      draft.discard();
      unrecorded.set(id, blob);
      letBlobGo(blob);
      return { ...known, blob, mediaType, tarSizeBytes };
    }
    draft.commit(id, hasRoot ? undefined : parent);
    addHold(id);
    unrecorded.set(id, blob);
    letBlobGo(blob);
    return { id, diffId, blob, mediaType, tarSizeBytes, sizeBytes };
  }

  /** A record names it by now, and the blob that it was given; or another one, and then that goes. */
  function forgetNew(chainId: string): void {
    const blob = unrecorded.get(chainId);
    unrecorded.delete(chainId);
    trees.delete(chainId);
    if (blob !== undefined) sweepBlobs([blob]);
  }

  function adoptTree({ draft, ...measured }: MeasuredDraft, parent: string | undefined): StoredLayer {
    const id = chainIdOf(parent, measured.diffId);
    const known = hold(id);
    if (known !== undefined && snapshots.hasLayer(id)) {
      draft.discard();
      return known;
    }
    draft.commit(id, parent);
    if (known !== undefined) return known;
    addHold(id);
    const { diffId, tarSizeBytes, sizeBytes } = measured;
    const createdAt = formatTime(nowNs());
    const layer = { id, diffId, mediaType: mediaTypes.layer, tarSizeBytes, sizeBytes, createdAt };
    trees.set(id, layer);
    return layer;
  }

  function hold(chainId: string): StoredLayer | undefined {
    const layer = catalogue.layers.get(chainId) ?? trees.get(chainId);
    if (layer !== undefined) addHold(chainId);
    return layer;
  }

  return {
    unpack,
    adopt,
    adoptTree,
    addTree(layer) {
      const known = catalogue.layers.get(layer.id);
      if (known !== undefined) return known;
      trees.set(layer.id, layer);
      return layer;
    },
    unrecordedTrees: () => [...trees.values()],
    recordTrees(synced) {
      const left = synced.filter(({ id }) => trees.has(id));
      records.transaction(() => {
        for (const layer of left) if (catalogue.layers.get(layer.id) === undefined) catalogue.layers.put(layer);
      });
      for (const { id } of left) trees.delete(id);
    },
    keepFor: (keeps) => void keepers.push(keeps),
    isKept,
    abandon,
    holdBlob,
    releaseBlob,
    keepBlob(digest) {
      letBlobGo(digest);
      if (!isBlobUsed(digest)) blobs.setAside(digest);
    },
    sweepBlobs,
    replace(loose, { id }, parent) {
      loose.draft.replace(id, loose.hasRoot ? undefined : parent);
      letBlobGo(loose.blob);
    },
    sweep,
    hold,
    holdWhole(chainId) {
      const layer = catalogue.layers.get(chainId) ?? trees.get(chainId);
      if (layer === undefined || !snapshots.hasLayer(chainId)) return undefined;
      return layer.blob === undefined || blobs.has(layer.blob) ? hold(chainId) : undefined;
    },
    isHeld: (chainId) => holds.has(chainId),
    release(chainIds) {
      const released = [...chainIds];
      for (const chainId of released) {
        const count = (holds.get(chainId) ?? 0) - 1;
        if (count > 0) {
          holds.set(chainId, count);
        } else {
          holds.delete(chainId);
          if (catalogue.layers.get(chainId) !== undefined) forgetNew(chainId);
        }
      }
      return sweep(released.filter((chainId) => !holds.has(chainId)));
    },
  };
}
