import type {
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerStats,
  ContainerSummary,
  ContainerTop,
  ContainerUpdateRequest,
  ContainerUpdateResponse,
  ContainerWaitResponse,
  ExecCreateRequest,
  ExecInspect,
  Filters,
  PruneReport,
} from '#api';
import type { ArchiveCalls } from './files/archive.ts';
import type { CommitOptions } from './files/commit.ts';
import type { Connections } from './networks/connect.ts';

/** An attached client: what the http face pipes between a connection and a process. */
export interface Attachment {
  /** Framed (multiplexed) output, or raw when the process has a terminal. */
  readonly output: import('node:stream').Readable;
  /** The client's input; ending it is its half-close. Detach keys are recognised here and end `output`. */
  readonly input: import('node:stream').Writable;
  /** True when `output` is raw. */
  readonly terminal: boolean;
  close(): void;
}

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Replay of the log before the live stream. */
  readonly logs: boolean;
  /** The live stream. */
  readonly stream: boolean;
  /** Both output streams in one, without frames, also where there is no terminal. */
  readonly raw?: boolean;
  /** Docker's detach keys (`ctrl-p,ctrl-q` when undefined). */
  readonly detachKeys?: string;
}

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly timestamps: boolean;
  /** Whether each line begins with what its driver was told to keep with it. */
  readonly details: boolean;
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
  /** Number of last lines; undefined for all. */
  readonly tail?: number;
  readonly signal: AbortSignal;
}

/** What the version of a request decides about a creation. */
export interface CreateOptions {
  /** Read-only binds leave mounts below them writable. */
  readonly shallowReadOnly?: boolean;
}

export type { ArchiveCalls, FileArchive, PutOptions } from './files/archive.ts';
export type { CommitOptions } from './files/commit.ts';

/** The feature's face towards http. Every `name` is a name, an id or a unique id prefix. */
export interface Containers extends ArchiveCalls, Connections {
  /** What its processes have changed of the image's files, as JSON. */
  changes(name: string): Promise<string>;
  /** Makes an image of it; returns that one's id. */
  commit(name: string, options: CommitOptions): Promise<string>;
  create(
    name: string | undefined,
    request: ContainerCreateRequest,
    platform?: string,
    options?: CreateOptions,
  ): Promise<ContainerCreateResponse>;
  list(options: { all: boolean; limit: number; size: boolean; filters: Filters }): Promise<ContainerSummary[]>;
  inspect(name: string, options: { size: boolean }): Promise<ContainerInspect>;
  /** What a container uses now; with the sample before it unless `isAlone`. */
  stats(name: string, options: { isAlone: boolean }): Promise<ContainerStats>;
  /** A sample each second until the container is removed; throws at once when it is unknown. */
  followStats(name: string, signal: AbortSignal): AsyncIterable<ContainerStats>;
  /** Its processes, with arguments of ps(1). */
  top(name: string, psArguments: string | undefined, signal: AbortSignal): Promise<ContainerTop>;
  /** Throws `not-modified` when it runs already. */
  start(name: string, options: { detachKeys?: string }): Promise<void>;
  /** Throws `not-modified` when it does not run. `timeoutSeconds` -1 waits for ever. */
  stop(name: string, options: { signal?: string; timeoutSeconds?: number }): Promise<void>;
  restart(name: string, options: { signal?: string; timeoutSeconds?: number }): Promise<void>;
  kill(name: string, signal: string | undefined): Promise<void>;
  pause(name: string): Promise<void>;
  unpause(name: string): Promise<void>;
  rename(name: string, newName: string): Promise<void>;
  /** Changes limits and restart policy, of a running container too: all that is asked, or nothing. */
  update(name: string, request: ContainerUpdateRequest): Promise<ContainerUpdateResponse>;
  remove(name: string, options: { force: boolean; volumes: boolean; link: boolean }): Promise<void>;
  prune(filters: Filters): Promise<PruneReport>;
  resize(name: string, rows: number, columns: number): Promise<void>;
  /**
   * Throws at once when the container is unknown or the condition is not one of Docker's; else `registered` is true
   * from the moment it returns (headers may go out), and `result` resolves when the condition is met.
   */
  wait(name: string, condition: string, signal: AbortSignal): { result: Promise<ContainerWaitResponse> };
  attach(name: string, options: AttachOptions): Promise<Attachment>;
  /** Docker's log stream: chunks ready to send (framed unless the container has a terminal). */
  logs(name: string, options: LogOptions): { terminal: boolean; output: AsyncIterable<Uint8Array> };
  execCreate(name: string, request: ExecCreateRequest): { Id: string };
  execInspect(id: string): ExecInspect;
  execResize(id: string, rows: number, columns: number): Promise<void>;
  /** Starts an exec detached. */
  execStartDetached(id: string, options: { tty: boolean }): Promise<void>;
  /** Starts an exec and attaches to it. */
  execStart(id: string, options: { tty: boolean; consoleSize?: [number, number] }): Promise<Attachment>;
  /** Numbers for `GET /info`. */
  counts(): { total: number; running: number; paused: number; stopped: number };
}
