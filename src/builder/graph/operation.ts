import type { Resources } from '#api';

/**
 * What the vertices of a build do. The vocabulary is that of BuildKit's LLB (`pb.Op`), so that a graph which a client brings and
 * one made of a Dockerfile are the same to the solver.
 */
export type Operation = SourceOperation | ExecOperation | FileOperation | MergeOperation | DiffOperation;

/** Files from elsewhere. `identifier` is `docker-image://…`, `local://NAME`, `git://…`, `https://…` or `oci-layout://…`. */
export interface SourceOperation {
  readonly type: 'source';
  readonly identifier: string;
  /** As in LLB: `local.includepattern`, `local.excludepatterns`, `local.followpaths`, `git.keepgitdir`, `http.checksum` and so on. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** A process in a file system (`pb.ExecOp`). */
export interface ExecOperation {
  readonly type: 'exec';
  readonly words: readonly string[];
  /** `NAME=value`. */
  readonly environment: readonly string[];
  readonly directory: string;
  /** As in an image's configuration; empty for root. */
  readonly user: string;
  readonly hostname: string;
  readonly network: 'sandbox' | 'host' | 'none';
  /** A network of this engine, by name, in place of the default bridge (`estiba build --network`). */
  readonly networkName?: string;
  readonly security: 'sandbox' | 'insecure';
  readonly mounts: readonly ExecMount[];
  readonly secretEnvironment: readonly { readonly id: string; readonly name: string; readonly isOptional: boolean }[];
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly extraHosts: readonly { readonly host: string; readonly address: string }[];
  readonly cgroupParent: string;
  readonly shmSizeBytes: number;
  /** Limits of the classic API (`--memory`, `--cpu-shares` …). */
  readonly resources: Readonly<Partial<Pick<Resources, ResourceName>>>;
  /** Variables that are there while it runs and count in no key: proxies. `NAME=value`. */
  readonly uncountedEnvironment: readonly string[];
  /** Exit codes that are no failure; empty means 0 alone. */
  readonly validExitCodes: readonly number[];
}

/** A process that asks for nothing, as root and in its own network, save for what `over` says. */
export function execOperation(over: Partial<ExecOperation>): ExecOperation {
  return {
    type: 'exec',
    words: [],
    environment: [],
    directory: '/',
    user: '',
    hostname: '',
    network: 'sandbox',
    security: 'sandbox',
    mounts: [],
    secretEnvironment: [],
    ulimits: [],
    extraHosts: [],
    cgroupParent: '',
    shmSizeBytes: 0,
    resources: {},
    uncountedEnvironment: [],
    validExitCodes: [],
    ...over,
  };
}

export type ResourceName =
  | 'Memory'
  | 'MemorySwap'
  | 'CpuShares'
  | 'CpuPeriod'
  | 'CpuQuota'
  | 'CpusetCpus'
  | 'CpusetMems';

/** A mount of an exec. The one whose target is `/` is the root file system. */
export interface ExecMount {
  readonly type: 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh';
  readonly target: string;
  /** Index into the vertex's inputs; -1 for none (scratch). */
  readonly input: number;
  /** The path in the input that is mounted; empty or `/` for all of it. */
  readonly selector: string;
  readonly isReadOnly: boolean;
  /** Which output of the vertex what is written becomes; -1 for none. */
  readonly output: number;
  readonly cache?: {
    readonly id: string;
    readonly sharing: 'shared' | 'private' | 'locked';
    readonly mode?: number;
    readonly uid?: number;
    readonly gid?: number;
  };
  /** 0 for no limit. */
  readonly tmpfsSizeBytes?: number;
  readonly secret?: SecretRequest;
  readonly ssh?: Omit<SecretRequest, 'id'> & { readonly id: string };
}

export interface SecretRequest {
  readonly id: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly isOptional: boolean;
}

/** Changes of files, one after the other (`pb.FileOp`). */
export interface FileOperation {
  readonly type: 'file';
  readonly actions: readonly FileStep[];
}

/**
 * `input` and `secondaryInput` are indexes: below the number of the vertex's inputs they are those, above they are the outputs of
 * this operation's own steps, in order; -1 is an empty file system.
 */
export interface FileStep {
  readonly input: number;
  /** What a copy takes files from. */
  readonly secondaryInput: number;
  /** Which output of the vertex this is; -1 when only later steps use it. */
  readonly output: number;
  readonly action: FileAction;
}

export type FileAction = CopyAction | MakeFileAction | MakeDirectoryAction | RemoveAction | SymlinkAction;

/** Numbers, or names that are looked up in the file system's own /etc/passwd and /etc/group. */
export interface FileOwner {
  readonly user: string | number;
  /** The user's own group when it is not said. */
  readonly group?: string | number;
}

interface Placed {
  readonly owner?: FileOwner;
  /** In nanoseconds since 1970, as text; undefined keeps (copies) or takes the present. */
  readonly timestampNs?: string;
}

export interface CopyAction extends Placed {
  readonly type: 'copy';
  readonly source: string;
  /** With a `/` at its end, or one that is there, it is a directory that is copied into. */
  readonly destination: string;
  /** An octal number, or symbols as chmod(1) takes them; undefined keeps what the source has. */
  readonly mode?: number | string;
  readonly followsSymlink: boolean;
  /** Of a directory its contents, not itself. */
  readonly copiesContents: boolean;
  /** An archive is unpacked. */
  readonly unpacks: boolean;
  readonly createsDestination: boolean;
  readonly allowsWildcard: boolean;
  /** A wildcard that matches nothing is no error. */
  readonly allowsEmptyWildcard: boolean;
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
  /** What is in the way, a directory where a file comes or the other way round, goes. */
  readonly replaces: boolean;
  /** Paths of the source that must be there. */
  readonly requiredPaths?: readonly string[];
  /** Where the paths of the source begin that are kept below the destination (`COPY --parents`). */
  readonly keepsParents?: boolean;
}

export interface MakeFileAction extends Placed {
  readonly type: 'make-file';
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

export interface MakeDirectoryAction extends Placed {
  readonly type: 'make-directory';
  readonly path: string;
  readonly mode: number;
  readonly makesParents: boolean;
}

export interface RemoveAction {
  readonly type: 'remove';
  readonly path: string;
  readonly allowsNotFound: boolean;
  readonly allowsWildcard: boolean;
}

export interface SymlinkAction extends Placed {
  readonly type: 'symlink';
  readonly target: string;
  readonly path: string;
}

/** One file system laid over another: inputs from the base up (LLB's MergeOp). */
export interface MergeOperation {
  readonly type: 'merge';
}

/** What the second input has more or otherwise than the first; either may be missing (scratch). */
export interface DiffOperation {
  readonly type: 'diff';
  /** Indexes into the inputs; -1 for scratch. */
  readonly lower: number;
  readonly upper: number;
}
