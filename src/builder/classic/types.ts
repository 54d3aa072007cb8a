import type { ProgressMessage } from '#api';
import type { RegistryCredentials } from '#distribution';
import type { BuildLayers, Images } from '#images';
import type { FrontendParts } from '../frontend/parts.ts';
import type { BuildSession } from '../session/session.ts';
import type { CacheImport, Solver } from '../solver/types.ts';
import type { LocalDirectories } from '../sources/local-directories.ts';
import type { BuildContext, CacheExportRequest, FrontendOptions } from '../types.ts';

/** A build as the classic API (`POST /build`, version 1) asks for it. */
export interface ClassicRequest {
  /** By BuildKit's names, and limits as `estiba.resource:NAME`. */
  readonly options: FrontendOptions;
  /** For the image; empty ones and those that are there twice count not. */
  readonly names: readonly string[];
  /** A tar, compressed or not; undefined when the context is from elsewhere (option `context`). */
  readonly body?: AsyncIterable<Uint8Array>;
  /** Nothing is told but the image's id, unless the build fails. */
  readonly isQuiet: boolean;
  /** Says of containers of steps that they were removed; always also of those that failed. */
  readonly tellsRemoval: boolean;
  readonly tellsFailedRemoval: boolean;
  readonly caches: readonly CacheExportRequest[];
  /** By registry. */
  readonly credentials: ReadonlyMap<string, RegistryCredentials>;
  readonly signal: AbortSignal;
}

/** What a client sent in one request, as what a build may ask for. */
export interface SentFiles {
  readonly session: BuildSession;
  release(): void;
}

/** Takes a context that is sent as a tar. Throws `invalid-argument` when it is none. */
export type TakeSentFiles = (
  request: Pick<ClassicRequest, 'credentials' | 'signal'> & {
    readonly body?: AsyncIterable<Uint8Array> | undefined;
    /** That of the Dockerfile. */
    readonly fileName?: string | undefined;
  },
) => Promise<SentFiles>;

/** Throws what is wrong before anything is built; the rest is told in the stream. */
export type ClassicBuild = (request: ClassicRequest) => Promise<AsyncIterable<ProgressMessage>>;

export interface ClassicParts extends FrontendParts {
  readonly solver: Pick<Solver, 'solveLayers'>;
  readonly builds: Pick<BuildLayers, 'hold' | 'release' | 'commitAll'>;
  readonly store: Pick<Images, 'resolve' | 'tag'>;
  readonly directories: Pick<LocalDirectories, 'unpack'>;
  readonly importCaches: (
    requests: readonly CacheExportRequest[],
    context: BuildContext,
  ) => Promise<readonly CacheImport[]>;
  /** What an image says made it. */
  readonly version: string;
}
