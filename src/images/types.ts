import type {
  ContainerConfig,
  DiskShareReport,
  DistributionInspect,
  Filters,
  ImageDeleteItem,
  ImageDifference,
  ImageHistoryEntry,
  ImageInspect,
  ImageSummary,
  ImageTree,
  ProgressMessage,
  PruneReport,
  SearchResult,
} from '#api';
import type { RegistryCredentials } from '#distribution';
import type { Platform } from '#oci';
import type { Change } from '#store';
import type { BuildLayers } from './build-layers.ts';
import type { ImageGc } from './gc/gc.ts';
import type { importRemote } from './import-remote.ts';
import type { BaseImages } from './pull/base.ts';
import type { PullRequest } from './pull/pull.ts';
import type { PushRequest } from './push/push.ts';
import type { LookupOptions } from './registry-lookup.ts';

/** An image, by its content: immutable. `id` is the digest of its configuration, `sha256:…`. */
export interface ImageRecord {
  readonly id: string;
  readonly created: string;
  readonly architecture: string;
  readonly os: string;
  readonly config: Partial<ContainerConfig>;
  /** Snapshot keys from the base upwards: the chain ids of the layers. */
  readonly chain: readonly string[];
  readonly sizeBytes: number;
  /** Of what is no image to run (a Helm chart, a signature): `id` is the digest of its manifest then. */
  readonly artifactType?: string;
}

/** Who uses an image: asked before it is removed. */
export interface ImageUser {
  readonly containerId: string;
  readonly running: boolean;
}

export interface ImportRequest {
  /** The tar, plain or compressed with gzip, bzip2, xz or zstd. */
  readonly body: ReadableStream<Uint8Array>;
  readonly repository?: string;
  readonly tag?: string;
  readonly message?: string;
  /** Dockerfile instructions of `docker import --change`. */
  readonly changes: readonly string[];
  readonly platform?: string;
}

/** What `docker commit` makes of a container. */
export interface CommitRequest {
  readonly containerId: string;
  readonly repository?: string;
  readonly tag?: string;
  readonly author: string;
  readonly comment: string;
  /** Of the new image: the container's, changed. */
  readonly config: Partial<ContainerConfig>;
  /** Of the container, as it is. */
  readonly containerConfig: ContainerConfig;
}

/** How images are verified. */
export interface CheckRequest {
  readonly repair: boolean;
  /** Sent to the registry alone that they are for (`serveraddress`). */
  readonly credentials: RegistryCredentials;
  readonly signal: AbortSignal;
}

/** A container's own file system: the image's layers below, its writable layer above. */
export interface Rootfs {
  /** Makes the writable layer. */
  create(containerId: string, image: ImageRecord): void;
  /**
   * Mounts it and returns the mount point; mounted already is no error. `volatile` (for a container that is removed when
   * it exits) spares it every fsync: what it writes dies with it, or with the machine.
   */
  mount(containerId: string, options?: { volatile?: boolean }): string;
  /** Unmounts it; not mounted is no error. What is not yet on disk is written out in the background. */
  unmount(containerId: string): void;
  /**
   * Has it mounted until the hold is released, also when its container ends meanwhile; for reading and writing its files from
   * outside.
   */
  hold(containerId: string): { readonly directory: string; release(): void };
  /** What the writable layer changes, parents first; paths are byte strings. */
  changes(containerId: string): Promise<Change[]>;
  /** Unmounts and removes it with all it holds. */
  remove(containerId: string): Promise<void>;
  /** Container ids that have a writable layer on disk. */
  list(): string[];
  /** Bytes in the writable layer. */
  sizeRw(containerId: string): Promise<number>;
  /** GraphDriver of inspect. */
  describe(containerId: string): { Name: string; Data: Record<string, string> };
}

/** The feature's face towards containers and http. */
export interface Images {
  readonly rootfs: Rootfs;
  /** Layers and images as the builder makes them. */
  readonly builds: BuildLayers;
  /** Images to build on. */
  readonly bases: BaseImages;
  /** By reference, digest, id or unique id prefix; throws `not-found` (`No such image: x:latest`). */
  resolve(reference: string, platform?: Platform): ImageRecord;
  /** With `sharedSize` each row says how much of it other images have too; else -1. */
  list(options: { all: boolean; filters: Filters; digests: boolean; sharedSize?: boolean }): ImageSummary[];
  /** Bytes that the layers of all images take. */
  layersBytes(): number;
  /** Throws `not-found`, also when it does not run on the platform asked for; so do the next two. */
  inspect(reference: string, platform?: Platform): ImageInspect;
  history(reference: string, platform?: Platform): ImageHistoryEntry[];
  tag(source: string, repository: string, tag: string): void;
  remove(
    reference: string,
    options: { force: boolean; noPrune: boolean; platform?: Platform | undefined },
  ): Promise<ImageDeleteItem[]>;
  prune(filters: Filters): Promise<PruneReport>;
  /** Applies Dockerfile instructions to a configuration; throws `invalid-argument` in Docker's words. */
  change(changes: readonly string[], config: Partial<ContainerConfig>): Partial<ContainerConfig>;
  /** Throws `invalid-argument` for a name that an image cannot have. */
  checkName(repository: string | undefined, tag: string | undefined): void;
  /** Makes an image of a container's changes on top of its own; returns its id and, where it has one, its name. */
  commit(request: CommitRequest): Promise<{ id: string; name: string }>;
  /** Returns the new image's id. */
  import(request: ImportRequest): Promise<string>;
  /** The same with a tar from the web; yields Docker's progress, the id last. Throws what is wrong before the tar begins. */
  importRemote(request: Parameters<typeof importRemote>[1]): Promise<AsyncIterable<ProgressMessage>>;
  /**
   * Fetches an image, or all of a repository's, from a registry; yields Docker's progress. Throws what is wrong before anything
   * came: `not-found`, `unauthorized`, `invalid-argument`.
   */
  pull(request: PullRequest): Promise<AsyncIterable<ProgressMessage>>;
  /**
   * Takes a docker-archive or OCI layout, plain or compressed, or what of it is for one platform; yields Docker's progress,
   * ending `Loaded image: …`.
   */
  load(
    body: ReadableStream<Uint8Array>,
    options: { quiet: boolean; platform?: Platform | undefined },
  ): AsyncIterable<ProgressMessage>;
  /**
   * A docker-archive that is an OCI layout too, of the images named. Throws before the first byte: `not-found`, or `internal`, as
   * Docker does, when one of them is not for the platform asked for.
   */
  save(references: readonly string[], platform?: Platform): Promise<ReadableStream<Uint8Array>>;
  /** Sends images to their registry (`docker push`). Throws at once for a name or platform that is wrong. */
  push(request: PushRequest): AsyncIterable<ProgressMessage>;
  /** What a registry has under a name. */
  lookUp(name: string, options: LookupOptions): Promise<DistributionInspect>;
  /** Asks a registry for repositories (`docker search`). */
  search(request: LookupOptions & { term: string; limit: number; filters: Filters }): Promise<SearchResult[]>;
  /**
   * Verifies images, all when none is named, and with `repair` heals what is damaged; progress, and an `ImageCheckReport` as
   * `aux` for each. Throws `not-found` at once.
   */
  check(names: readonly string[], request: CheckRequest): AsyncIterable<ProgressMessage>;
  /** How an image differs from another: files, packages, configuration. Throws `not-found`. */
  compare(before: string, after: string): Promise<ImageDifference>;
  /** All images by the layers that they share, or those that share any with the ones named. Throws `not-found`. */
  tree(names: readonly string[]): ImageTree;
  /** What everything in the data root takes on the disk. */
  diskShares(): Promise<DiskShareReport>;
  /** Removes images that nobody uses when the disk gets full, by the policy that is set. */
  readonly gc: ImageGc;
  /** Removes what has no record: half-written blobs, layers and snapshots. Called once at the engine's start. */
  reconcile(): Promise<void>;
  /** When what was removed is gone from the disk too, and what was unmounted is written out. */
  settled(): Promise<void>;
  /** Ends what helps it; work at hand fails. */
  close(): void;
}
