import type { Platform } from '#oci';
import type { SourceOperation } from '../graph/operation.ts';
import type { BuildContext, HeldResult, StepRun } from '../solver/types.ts';

/** What an image's name means at this moment. Its layers need not be here yet. */
export interface ResolvedImage {
  /** In full, as `docker-image://` takes it: with the digest where it came from a registry. */
  readonly reference: string;
  /** Digest of its configuration. */
  readonly imageId: string;
  /** Of the manifest or index that the name stands for; undefined when the image was made here. */
  readonly digest?: string;
  /** The configuration file, bit for bit. */
  readonly config: Uint8Array;
  /** Chain ids, from the base up. */
  readonly chain: readonly string[];
  readonly platform: Platform;
}

/** Images by name: of this engine, of registries, of a client's OCI layouts. */
export interface ImageSource {
  /**
   * Finds an image and its configuration without its layers. `mode` goes before the context's own. Throws `not-found` in
   * BuildKit's words.
   */
  resolve(
    reference: string,
    platform: Platform,
    context: BuildContext,
    mode?: BuildContext['imageResolveMode'],
  ): Promise<ResolvedImage>;
}

/** What a source is pinned to: the same pin, the same files. */
export interface PinnedSource {
  /** What its key is made of: a chain id, a commit, a digest of contents. Asked for only when somebody needs all of it. */
  key(): Promise<string>;
  /**
   * What is left to do, for progress: nothing that is worth telling (a directory that pinning has brought), files that are known
   * to be here, or work.
   */
  readonly rest: 'nothing' | 'known' | 'work';
  /** Brings the files; called once or not at all. */
  materialise(run: StepRun): Promise<Omit<HeldResult, 'key'>>;
  /** Lets go of what pinning itself holds; after it nothing is materialised. */
  release?(): void;
}

/** How one scheme of identifiers is answered. */
export interface SourceKind {
  /** Finds out what it is now, with no more work than that takes. */
  pin(operation: SourceOperation, platform: Platform, run: StepRun): Promise<PinnedSource>;
}
