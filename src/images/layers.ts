import { chainIdOf } from '#oci';
import { fail } from '#std/errors';
import type { Blobs, Records, Snapshots, Unpackers } from '#store';
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
  /** Holds a layer that is recorded; undefined when it is not. */
  hold(chainId: string): StoredLayer | undefined;
  /** The same, but only when its files and its blob are there: else it is to be had anew. */
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

  function addHold(chainId: string): void {
    holds.set(chainId, (holds.get(chainId) ?? 0) + 1);
  }

  function isUsed(chainId: string): boolean {
    if (holds.has(chainId)) return true;
    for (const image of catalogue.images.all()) if (image.chain.includes(chainId)) return true;
    for (const rootfs of catalogue.rootfs.all()) if (rootfs.chain.includes(chainId)) return true;
    return false;
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
    const known = catalogue.layers.get(id);
    if (known !== undefined && snapshots.hasLayer(id)) {
      addHold(id);
      if (blobs.has(known.blob)) {
        abandon(loose);
        return known;
      }
      // Its own blob is lost, and this one holds the same.
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

  function hold(chainId: string): StoredLayer | undefined {
    const layer = catalogue.layers.get(chainId);
    if (layer !== undefined) addHold(chainId);
    return layer;
  }

  return {
    unpack,
    adopt,
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
      const layer = catalogue.layers.get(chainId);
      return layer !== undefined && snapshots.hasLayer(chainId) && blobs.has(layer.blob) ? hold(chainId) : undefined;
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
          if (catalogue.layers.get(chainId) !== undefined) unrecorded.delete(chainId);
        }
      }
      return sweep(released.filter((chainId) => !holds.has(chainId)));
    },
  };
}
