import type { BuildLayers, MeasuredDraft } from '#images';
import type { LayerDraft } from '#store';
import type { DiffOperation, FileOperation } from '../graph/operation.ts';
import type { DirectoryResult, LayersResult, Result } from '../result.ts';
import type { StepRun } from '../solver/types.ts';

/** Which files of a result count, named as a copy names them. */
export interface FileSelection {
  /** As in `CopyAction.source`; `/` for all. */
  readonly path: string;
  readonly allowsWildcard: boolean;
  /** Whether a symlink that `path` ends in is followed; those on the way always are. */
  readonly followsSymlink: boolean;
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
  /** Paths that must be there. */
  readonly requiredPaths?: readonly string[];
}

/** A result as a directory that can be read; what is below it may hold links that lead anywhere: see `readInResult`. */
export interface OpenedResult {
  readonly directory: string;
  close(): Promise<void>;
}

/** What the builder does with files. Heavy work is done in processes of its own (`estiba build-worker`). */
export interface BuildFiles {
  /** Does a `FileOperation`; the layers come by the output's index, and are held: the caller takes the hold over. */
  readonly step: (operation: FileOperation, run: StepRun) => Promise<readonly LayersResult[]>;
  /** Lays the later inputs over the first: the layers of each, on those before. Held. */
  readonly merge: (run: StepRun) => Promise<LayersResult>;
  /** What the upper input has more or otherwise than the lower one, as layers of its own. Held. */
  readonly diff: (operation: DiffOperation, run: StepRun) => Promise<LayersResult>;
  /** A directory of the host as a layer. Held. */
  readonly asLayers: (result: DirectoryResult, signal: AbortSignal) => Promise<LayersResult>;
  /**
   * Digest of the selected files by path, type, mode, owner, size, contents, link, device and attributes, never by time. Throws
   * `not-found` in BuildKit's words (`failed to calculate checksum of ref …: "/x": not found`).
   */
  readonly digest: (result: Result, selection: FileSelection, signal: AbortSignal) => Promise<string>;
  /** Hashes the tar of a draft, to be called before `BuildLayers.adopt`. */
  readonly measure: (draft: LayerDraft, signal: AbortSignal) => Promise<MeasuredDraft>;
  /** Mounts a chain for reading. The caller keeps the result as long as that is open. */
  readonly open: (result: Result) => OpenedResult;
  /** Ends the processes; work at hand fails. */
  close(): void;
}

export interface FileParts {
  readonly builds: BuildLayers;
  /** Starts this program as `estiba build-worker`; without it all is done in this process. */
  readonly workerCommand?: readonly string[];
}
