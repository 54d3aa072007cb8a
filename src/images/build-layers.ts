import type { ImageConfigFile, ImageReference } from '#oci';
import type { LayerDraft } from '#store';
import type { PackedLayer, Packing } from './packed-layer.ts';
import type { BuiltPush, PushedLayer } from './push/built.ts';

/** A layer as a build sees it. */
export interface BuildLayer {
  readonly chainId: string;
  readonly diffId: string;
  readonly tarSizeBytes: number;
  /** What its files take. */
  readonly sizeBytes: number;
  /** When it was made here, RFC 3339; not there for one that came with an image. */
  readonly createdAt?: string;
  /** What this layer alone changes, unpacked (overlayfs's form: whiteouts are character devices 0/0, opaque is an xattr). */
  readonly directory: string;
}

/** A layer that is finished as a directory tree, but stands on nothing yet. */
export interface MeasuredDraft {
  readonly draft: LayerDraft;
  /** Digest of its tar as it is packed of the directory. */
  readonly diffId: string;
  readonly tarSizeBytes: number;
  readonly sizeBytes: number;
}

/** An image of a build; the configuration bit for bit. */
export interface BuiltImage {
  readonly content: Uint8Array;
  readonly file: ImageConfigFile;
  readonly chain: readonly string[];
  readonly references: readonly ImageReference[];
  readonly parentId?: string;
}

/** A layer that comes as a tar. */
export interface LayerTar {
  read(): AsyncIterable<Uint8Array>;
  readonly diffId?: string;
  /** RFC 3339; now where it is not said. */
  readonly createdAt?: string;
}

/**
 * Layers for the builder: made in place, without a tar in between. A layer has no blob: whoever pushes or saves it packs its
 * directory, which gives its `diffId` again. Whoever is given a layer holds it, and releases it.
 */
export interface BuildLayers {
  /** An empty directory for a new layer, with the owner and mode of the root of what is below. */
  draft(chain: readonly string[]): LayerDraft;
  /** Puts a finished draft above `chain`, durable once `sync` was called. Another layer of the same content takes its place. */
  adopt(measured: MeasuredDraft, chain: readonly string[]): BuildLayer;
  /** Holds the layers of a chain; undefined when one is gone. */
  hold(chain: readonly string[]): readonly BuildLayer[] | undefined;
  release(chainIds: Iterable<string>): void;
  /** Keeps layers that no image has: asked whenever one is about to be removed. */
  keepFor(isKept: (chainId: string) => boolean): void;
  /** All layers that images or containers have. */
  imageLayers(): ReadonlySet<string>;
  /** Forces what was adopted to the disk. */
  sync(): Promise<void>;
  /** Mounts a chain for reading, or with `writable` above it; the caller unmounts. */
  mount(chain: readonly string[], writable?: LayerDraft): { readonly directory: string; unmount(): Promise<void> };
  /** A held layer as it is to go elsewhere: compressed, its digest known. */
  pack(chainId: string, packing: Packing, signal: AbortSignal): Promise<PackedLayer>;
  /** Sees to it that a repository has the layers of a held chain; in their order. */
  push(chain: readonly string[], to: BuiltPush): Promise<PushedLayer[]>;
  /**
   * Puts tars, compressed or not, above `chain` and each other, as layers with blobs; some of them are read and unpacked at once.
   * They are held, and durable as those of `adopt` are. Throws `invalid-argument` for one that is not the layer that is expected.
   */
  adoptTars(tars: readonly LayerTar[], chain: readonly string[], signal: AbortSignal): Promise<BuildLayer[]>;
  /** An image that is here is known by what a repository calls it (`RepoDigests`); one that is gone is none. */
  noteDigest(imageId: string, reference: ImageReference): void;
  /** Makes an image of layers that are held. Events are those of Docker's builder: `tag` for each name, then `create`. */
  commit(image: BuiltImage): Promise<string>;
  /** The same for several, all of them or none: those of steps of a build, each one's parent before it. */
  commitAll(images: readonly BuiltImage[]): Promise<void>;
}
