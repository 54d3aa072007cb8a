import type { Filters } from '#api';
import type { Platform } from '#oci';
import type { ClassicBuild, TakeSentFiles } from './classic/types.ts';
import type { Edge } from './graph/vertex.ts';
import type { Result } from './result.ts';
import type { BuildContext, CacheImport, HeldResult } from './solver/types.ts';
import type { ImageSource } from './sources/types.ts';
import type { OpenStepContainer } from './steps/container.ts';

export type { ClassicBuild, ClassicRequest, SentFiles, TakeSentFiles } from './classic/types.ts';
export type * from './graph/operation.ts';
export type { Edge, Vertex } from './graph/vertex.ts';
export type * from './progress.ts';
export type { DirectoryResult, LayersResult, Result } from './result.ts';
export type * from './session/session.ts';
export type { ContentDigest, ContentSelection, DigestContents, Steps } from './solver/steps.ts';
export type { BuildContext, CacheableResult, CacheImport, HeldResult, Solver } from './solver/types.ts';
export type { ImageSource, ResolvedImage } from './sources/types.ts';
export type {
  ContainerProcess,
  OpenStepContainer,
  ProcessRequest,
  StepContainer,
  StepContainerRequest,
} from './steps/index.ts';

/** What a frontend makes of its input: for each platform a file system and an image's configuration. */
export interface FrontendResult {
  readonly outputs: readonly FrontendOutput[];
  /** Whether the client asked for several platforms, or for one in the form of several (`multi-platform`). */
  readonly isMultiPlatform: boolean;
  /** Further metadata for the exporter: annotations, answers of subrequests (`result.json`, `result.txt`). */
  readonly metadata: ReadonlyMap<string, Uint8Array>;
}

export interface FrontendOutput {
  readonly platform: Platform;
  /** Undefined for an empty file system. */
  readonly edge?: Edge;
  /** The configuration file as JSON (OCI image specification, config), without `rootfs`; `history` is complete. */
  readonly config?: Uint8Array;
  /** That of the base image, for who wants to know what the build added. */
  readonly baseConfig?: Uint8Array;
}

/** Options of `dockerfile.v0`, by BuildKit's names: `filename`, `target`, `build-arg:X`, `platform`, `no-cache`, `context:NAME` … */
export type FrontendOptions = Readonly<Record<string, string>>;

export interface FrontendRequest {
  readonly options: FrontendOptions;
  /** File systems that take the place of local directories and named contexts: by `context`, `dockerfile` or a context's name. */
  readonly inputs: ReadonlyMap<string, Edge>;
}

/** One thing a build ends in. */
export interface ExportRequest {
  /** BuildKit's names: `moby` and `image` (into the engine), `docker`, `oci`, `local`, `tar`, `cacheonly`. */
  readonly type: string;
  /** Attributes as a client sends them: `name`, `push`, `dest`, `compression`, `annotation.…`. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Which output of the session the content goes to. */
  readonly id: string;
}

export interface CacheExportRequest {
  /** `inline`, `registry`, `local`. */
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What exporters answer: `containerimage.digest`, `containerimage.config.digest`, `image.name` … */
export type ExportResponse = Readonly<Record<string, string>>;

/** A record of the cache, as `docker buildx du` and `docker system df -v` show it. */
export interface CacheRecord {
  readonly id: string;
  readonly parentIds: readonly string[];
  /** As BuildKit names them. */
  readonly type: 'regular' | 'internal' | 'frontend' | 'source.local' | 'source.git.checkout' | 'exec.cachemount';
  readonly description: string;
  readonly isInUse: boolean;
  /** Used by an image or another record too. */
  readonly isShared: boolean;
  readonly sizeBytes: number;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly lastUsedAt?: string;
  readonly usageCount: number;
}

export interface CachePruneRequest {
  readonly all: boolean;
  readonly filters: Filters;
  /** What may stay; undefined for no such limit. */
  readonly reservedSpaceBytes?: number;
  readonly maxUsedSpaceBytes?: number;
  readonly minFreeSpaceBytes?: number;
  readonly keepDurationMs?: number;
}

/** What is below it may hold links that lead anywhere: paths in it are resolved with care. */
export interface OpenedResult {
  readonly directory: string;
  close(): Promise<void>;
}

/** The feature's face: everything that the three doors need. */
export interface Builder {
  /** Makes a graph of a Dockerfile (`dockerfile.v0`). Throws `DockerfileError` in BuildKit's words. */
  readonly dockerfile: (request: FrontendRequest, context: BuildContext) => Promise<FrontendResult>;
  /** Builds as the classic API has it: step by step, an image for each. */
  readonly classic: ClassicBuild;
  /** Takes a context that comes in a request, for a build that has no session (`POST /build?version=2`). */
  readonly takeSentFiles: TakeSentFiles;
  /** What a base image's name means now (ResolveImageConfig). */
  readonly images: ImageSource;
  /** Works out one edge and holds it. */
  readonly solve: (edge: Edge, context: BuildContext) => Promise<HeldResult>;
  /** A result as a directory to read in; whoever opens it holds the result as long. */
  readonly open: (result: Result) => Promise<OpenedResult>;
  /**
   * Caches of other places to look into (`--cache-from`), by BuildKit's types and attributes. One that cannot be reached is told of
   * in the build's progress and left out.
   */
  readonly importCaches: (
    requests: readonly CacheExportRequest[],
    context: BuildContext,
  ) => Promise<readonly CacheImport[]>;
  /** Opens a container over results, in which a client runs processes to look around. */
  readonly container: OpenStepContainer;
  /** Gives a result to all exporters and caches that are asked for. */
  readonly export: (
    result: FrontendResult,
    requests: { readonly exporters: readonly ExportRequest[]; readonly caches: readonly CacheExportRequest[] },
    context: BuildContext,
  ) => Promise<ExportResponse[]>;
  /** What is in the cache. */
  usage(filters: Filters): CacheRecord[];
  /** Removes what nobody uses; yields what went. */
  prune(request: CachePruneRequest): Promise<CacheRecord[]>;
  /** Removes what a killed engine left; once at the start. */
  reconcile(): Promise<void>;
  close(): Promise<void>;
}
