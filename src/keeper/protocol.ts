/**
 * What engine and keeper say to each other. Over one control connection (a unix socket) go JSON lines:
 * requests `{ seq, verb, ... }` and their answers `{ seq, ok }` or `{ seq, error }`, and, unasked, `{ event }` lines.
 * An attach connection starts with one JSON line of its own and is a stream of bytes from then on.
 */
export const keeperProtocolVersion = 2;

/** The first version whose keepers can be renewed; older ones have no edition either. */
export const firstRenewableVersion = 2;

/** The environment variable by which a keeper that becomes another program hands its lock on: a descriptor's number. */
export const lockVariable = 'ESTIBA_KEEPER_LOCK';

/** How the output of a container's main process is kept. */
export interface LogTarget {
  /** The file; rotated to `path.1`, `path.2`, … */
  readonly path: string;
  /** Its records: Docker's JSON lines (the default), or those of `local-log.ts`. */
  readonly format?: 'json' | 'local';
  /** A file is rotated before it grows past this; -1 for no bound. */
  readonly maxSizeBytes: number;
  /** How many files are kept, the current one included. */
  readonly maxFiles: number;
  /** Whether rotated files are compressed, to `path.1.gz`, … */
  readonly compress?: boolean;
  /** The text of a JSON object that every JSON record carries. */
  readonly attributes?: string;
  /** Records are written behind, from a buffer of this size, and lost where it is full: the process never waits for the disk. */
  readonly bufferBytes?: number;
  /** No file is kept: the output is forwarded alone. */
  readonly discard?: boolean;
  /** Where the output goes beside the file; the format is `local` then. */
  readonly forward?: ForwardTarget;
}

/** A log server. What it does not take is held up to a bound; beyond that lines are dropped. It never holds up a process. */
export interface ForwardTarget {
  readonly to: SyslogTarget | JournalTarget;
  readonly maxBufferBytes: number;
}

export interface SyslogTarget {
  readonly driver: 'syslog';
  /** `address` is a host and port, or a path. */
  readonly transport: 'udp' | 'tcp' | 'tcp+tls' | 'unix' | 'unixgram';
  readonly address: string;
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly skipVerify: boolean;
  };
  /** The facility's number times eight. */
  readonly facility: number;
  readonly format: '' | 'rfc3164' | 'rfc5424' | 'rfc5424micro';
  readonly tag: string;
  readonly hostname: string;
  readonly pid: number;
}

export interface JournalTarget {
  readonly driver: 'journald';
  /** Path of the journal's socket. */
  readonly socket: string;
  /** Fields of every entry. */
  readonly fields: Readonly<Record<string, string>>;
}

/** A process to start: a container's main process, or one more inside a running container. */
export interface StartRequest {
  /** Identity of the process: the container's id, or the exec's. */
  readonly id: string;
  readonly container: string;
  readonly kind: 'init' | 'exec';
  /** Path of the OCI runtime's binary. */
  readonly runtime: string;
  /** Arguments before its command; those of crun when not given. */
  readonly runtimeArguments?: readonly string[];
  /** Directory of the OCI runtime's state (`--root`). */
  readonly runtimeRoot: string;
  /** `init`: the OCI bundle directory, with its config.json. */
  readonly bundle?: string;
  /** `exec`: file with the OCI process object. */
  readonly processFile?: string;
  readonly terminal: boolean;
  /** The terminal's first size. */
  readonly rows?: number;
  readonly columns?: number;
  /** Whether standard input stays open for attached clients; else it is /dev/null. */
  readonly openStdin: boolean;
  /** Whether standard input is closed when the first client that writes to it ends its half. */
  readonly stdinOnce: boolean;
  readonly log?: LogTarget;
  /** Where output waits that an attached client does not take; without it the process waits for its clients. */
  readonly spoolDirectory?: string;
}

/** How a process ended. */
export interface Exit {
  /** 0 to 255, 128+N when signal N ended it; undefined when nobody could tell (its keeper died and the kernel forgot). */
  readonly code?: number;
  /** The signal that ended it; undefined when it ended by itself, or when nobody could tell. */
  readonly signal?: number;
  /** Nanoseconds since the epoch, in decimal. */
  readonly atNs: string;
}

export interface StartedProcess {
  readonly id: string;
  /** Process id in the host's namespace. */
  readonly pid: number;
  readonly startedAtNs: string;
}

/** A process the keeper knows. It stays known, also across the keeper's own death, until it is forgotten. */
export interface KeptProcess {
  readonly id: string;
  readonly container: string;
  readonly kind: 'init' | 'exec';
  readonly pid?: number;
  readonly startedAtNs?: string;
  readonly state: 'starting' | 'running' | 'exited';
  readonly exit?: Exit;
  /** The keeper died before the runtime had started anything: the start may be tried again. */
  readonly neverRan?: boolean;
}

/** Sent once a process has exited, its output is drained to its log, and the exit is in the keeper's journal. */
export interface ExitEvent {
  readonly event: 'exit';
  readonly process: KeptProcess;
}

export interface AttachRequest {
  readonly id: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /**
   * `multiplexed`: every chunk of output behind Docker's 8-byte header (Engine API, "Stream format");
   * `raw`: output bytes as they are (a terminal's).
   */
  readonly framing: 'multiplexed' | 'raw';
}

/** An attached client's stream of one process. */
export interface AttachedStream {
  /** Output, framed as asked; ends when the process has exited and all of its output was sent, or when the keeper dies. */
  readonly output: import('node:stream').Readable;
  /** Input; ending it is the client's half-close. */
  readonly input: import('node:stream').Writable;
  /** Detaches; the process goes on. */
  close(): void;
}

/** The engine's side of the control connection. It reconnects, and starts a new keeper, by itself when the keeper dies. */
export interface Keeper {
  /**
   * Starts a process and resolves once the runtime has started it. Rejects with an EstibaError that carries the
   * runtime's own message when it cannot: the process is then already forgotten.
   */
  start(request: StartRequest): Promise<StartedProcess>;
  /**
   * Attaches to a process; may be called before `start` of that id, and then misses no byte of it. Resolves when the
   * keeper has registered it.
   */
  attach(request: AttachRequest): Promise<AttachedStream>;
  /** Sends a signal; rejects with `not-found` when the process has exited. */
  signal(id: string, signal: number): Promise<void>;
  /** Sets the terminal's size. */
  resize(id: string, rows: number, columns: number): Promise<void>;
  /** All processes not yet forgotten. */
  list(): Promise<KeptProcess[]>;
  /** Drops an exited process and what the keeper holds of it. Unknown ids are no error. */
  forget(id: string): Promise<void>;
  /** Lets those attached clients go that wait for a start of that id: there will be none. Never rejects. */
  dismiss(id: string): Promise<void>;
  /** Is called for every exit, also those that happened while no engine listened (right after connecting). */
  onExit(listener: (process: KeptProcess) => void): void;
  /** Is called when a new keeper has taken over from a dead one. */
  onReplaced(listener: () => void): void;
  /** Pid of the keeper now connected. */
  readonly pid: number;
  /** Ends the keeper process (only for `engine stop --all`, when no container is left). */
  shutDown(): Promise<void>;
  /** Closes the connection; the keeper lives on while it has processes. */
  close(): void;
}
