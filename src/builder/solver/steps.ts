import type { Platform } from '#oci';
import type { CopyAction, ExecOperation, FileOperation } from '../graph/operation.ts';
import type { LayersResult, Result } from '../result.ts';
import type { StepRun } from './types.ts';

/**
 * Files of a result by which a key is told: those that a copy would take. Without `includes` and with an empty or `/` source it is
 * all of them.
 */
export type ContentSelection = Pick<CopyAction, 'source'> &
  Partial<
    Pick<
      CopyAction,
      | 'followsSymlink'
      | 'copiesContents'
      | 'allowsWildcard'
      | 'allowsEmptyWildcard'
      | 'includes'
      | 'excludes'
      | 'requiredPaths'
      | 'keepsParents'
    >
  >;

/** What files are: by type, mode, owner, size, contents, link target, xattrs and device, and never by their times. */
export interface ContentDigest {
  readonly digest: string;
  /** A short digest of each file by its path, when it was asked for: what tells later which of them changed. */
  readonly files?: ReadonlyMap<string, string>;
}

/** Throws `not-found` as BuildKit words it (`"/missing": not found`). */
export type DigestContents = (
  result: Result,
  selection: ContentSelection,
  options: { readonly signal: AbortSignal; readonly listsFiles: boolean },
) => Promise<ContentDigest>;

/**
 * How each kind of operation is done. Results are in the order of the operation's outputs; their layers are held, adopted and
 * not yet synced, and whoever called takes the holds over. A failed one leaves nothing.
 */
export interface Steps {
  exec(operation: ExecOperation, platform: Platform, run: StepRun): Promise<readonly LayersResult[]>;
  file(operation: FileOperation, run: StepRun): Promise<readonly LayersResult[]>;
  merge(run: StepRun): Promise<LayersResult>;
  /** `lower` and `upper` undefined for an empty file system. */
  diff(lower: Result | undefined, upper: Result | undefined, run: StepRun): Promise<LayersResult>;
  /** A directory of the host as a layer: its files are copied. */
  asLayers(result: Result, run: StepRun): Promise<LayersResult>;
  readonly digest: DigestContents;
}
