import type { Edge } from '../graph/vertex.ts';
import type { OnProgress } from '../progress.ts';
import type { LayersResult, Result } from '../result.ts';
import type { BuildSession } from '../session/session.ts';

/** What every vertex of one build has in common. */
export interface BuildContext {
  /** Names the build in the history. */
  readonly id: string;
  /** Whom to ask; the first that has what is wanted. Empty when the client gave none. */
  readonly sessions: readonly BuildSession[];
  readonly onProgress: OnProgress;
  /** Ends the build: steps that run are killed within a second, unless another build wants the same. */
  readonly signal: AbortSignal;
  /** Where images come from when a vertex does not say: as `--pull` and the client's configuration have it. */
  readonly imageResolveMode: 'default' | 'pull' | 'local';
  /** Caches to look into beside our own (`--cache-from`); in order. */
  readonly cacheImports: readonly CacheImport[];
  /** Whether all that processes say is told, however much it is: to clients of the classic API. */
  readonly isLogUnlimited?: boolean;
  /** Settled when what has been told was taken far enough by who reads it: until then a process's output is left with it. */
  readonly whenTaken?: () => Promise<void> | undefined;
  /** Whether causes are looked for (`--explain`). */
  readonly explains?: boolean;
}

/** A cache of another place, in which results can be looked up by key. */
export interface CacheImport {
  readonly name: string;
  /** Layers for a key, made present and held; undefined when it has none. */
  find(key: string, signal: AbortSignal): Promise<LayersResult | undefined>;
}

/** A result that is there and stays until it is released. */
export interface HeldResult {
  readonly result: Result;
  /** Names what it holds: equal keys, equal contents. `sha256:…` */
  readonly key: string;
  release(): void;
}

/** A result that a cache of another place may keep (`--cache-to`). */
export interface CacheableResult {
  /** By which `CacheImport.find` is asked for it: its own key first, then aliases. */
  readonly keys: readonly string[];
  /** Own keys of the results that it was made from. */
  readonly inputs: readonly string[];
  readonly chain: readonly string[];
  readonly description: string;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** Works out edges: what is known is looked up, what several builds want is done once, what is independent is done at once. */
export interface Solver {
  /** The caller releases what it gets. Throws `SolveError` for the vertex that failed. */
  solve(edge: Edge, context: BuildContext): Promise<HeldResult>;
  /** The same, ending in layers also where the result is a directory of somebody else's. */
  solveLayers(edge: Edge, context: BuildContext): Promise<HeldResult & { readonly result: LayersResult }>;
  /** All results that are known of what these edges need, those of sources excepted. To be called while the edges are held. */
  cacheable(edges: readonly Edge[], context: BuildContext): readonly CacheableResult[];
}

/** How one kind of operation is done. `inputs` are in the order of the vertex's. */
export interface StepRun {
  readonly context: BuildContext;
  readonly vertexDigest: string;
  readonly inputs: readonly Result[];
  /** Aborted when nobody wants it any more. */
  readonly signal: AbortSignal;
  /** Output of a process. As long as a promise that it returns is not settled, no more is read. */
  onLog(stream: 1 | 2, data: Uint8Array): void | Promise<void>;
  /** Progress of a part, shown below the vertex. */
  onStatus(status: { id: string; name?: string; current: number; total: number; isDone?: boolean }): void;
}
