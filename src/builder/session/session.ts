import type { Duplex } from 'node:stream';
import type { RegistryCredentials } from '#distribution';
import type { IndexedFile } from '#filesync';

/** Which files of a client are asked for. Patterns as in .dockerignore; all of them are relative to the directory of that name. */
export interface LocalRequest {
  /** `context`, `dockerfile`, or what a client called it. */
  readonly name: string;
  readonly includePatterns: readonly string[];
  readonly excludePatterns: readonly string[];
  /** Paths that are wanted with all that their symlinks lead to. */
  readonly followPaths: readonly string[];
  /** Compare by metadata and contents (`local.differ`); `none` sends all. */
  readonly differ: 'metadata' | 'none';
  /** Tells apart what a build asks of the same directory at different times: `.dockerignore`, all of it. */
  readonly sharedKeyHint?: string;
}

/** A file or directory as its bytes, and how many have come. */
export type OnTransfer = (bytes: number) => void;

/** A directory that holds what a client has; nobody changes it until it is released. */
export interface LocalDirectory {
  readonly path: string;
  /** `sha256:…` over all that its files are, but for their times. */
  readonly digest: string;
  /** What is known of its files without reading them; undefined when they have to be read. */
  readonly index?: LocalIndex;
  release(): void;
}

/** Digests of files of a local directory, kept from one build to the next. */
export interface LocalIndex {
  /** Where it lies: another process opens it with `new IndexedFiles(file)` of `#filesync`. It changes when the directory is released. */
  readonly file: string;
  /** `sha256:…` over all that the files are, but for their times. */
  readonly digest: string;
  /** Paths relative to the directory, without leading `/`, parents first, in the order of a walk (components compared as bytes). */
  entries(): Iterable<IndexedFile>;
  get(path: string): IndexedFile | undefined;
}

/** How a directory goes to a client. */
export interface DirectoryTransfer {
  readonly onTransfer?: OnTransfer;
  readonly signal: AbortSignal;
  /** The name of the directory that its contents are put into there (`linux_amd64`); it has mode 0755. */
  readonly below?: string;
  /** All times are set to that one (`SOURCE_DATE_EPOCH`). */
  readonly modifiedNs?: bigint;
}

/** Blobs by their digests in a directory of the client's (`containerd.services.content.v1`): a cache, an OCI layout. */
export interface ContentStore {
  /** Undefined when it has none of that digest. */
  sizeBytes(digest: string, signal: AbortSignal): Promise<number | undefined>;
  /** Its bytes; whoever reads verifies them. */
  read(digest: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** One that is there already is no error. */
  write(blob: BlobToWrite, signal: AbortSignal): Promise<void>;
}

export interface BlobToWrite {
  readonly digest: string;
  readonly sizeBytes: number;
  content(): AsyncIterable<Uint8Array>;
}

/**
 * What a build may ask of the client that wants it: of a BuildKit session, of the body of a classic request. Everything throws
 * `unavailable` when the client is gone, `not-found` when it has no such thing.
 */
export interface BuildSession {
  readonly id: string;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** Brings a directory up to date with the client's; only what changed is sent. */
  local(request: LocalRequest, options: { onTransfer?: OnTransfer; signal: AbortSignal }): Promise<LocalDirectory>;
  /** Undefined when the client has none of that id. Its bytes never go into a record, a log or a key. */
  secret(id: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Whether an agent of that id (empty: `default`) is offered. */
  hasAgent(id: string): Promise<boolean>;
  /** A connection to it. */
  connectAgent(id: string): Promise<Duplex>;
  /** What the client's configuration holds for a registry; empty when nothing. */
  credentials(host: string): Promise<RegistryCredentials | undefined>;
  /**
   * What a client offers at `http://buildkit-session/…`, by that path: a context that it reads of a pipe. Can be had once.
   */
  upload?(path: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** By the name that the client gave it: `local:DIRECTORY` (a cache), `oci:NAME` (a layout), `export`. */
  contentStore(name: string): ContentStore;
  /** Sends one file (an exporter's tar) to the client, as output `id`. `metadata` goes along with it. */
  sendFile(id: string, metadata: Readonly<Record<string, string>>, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** Sends a directory's contents (exporter `local`) to the client, as output `id`. */
  sendDirectory(
    id: string,
    metadata: Readonly<Record<string, string>>,
    directory: string,
    options: DirectoryTransfer,
  ): Promise<void>;
}
