import type { Descriptor } from '#oci';

/** Somebody else who knows the password, gets tokens with it, and gives it away only where nothing else will do. */
export interface CredentialKeeper {
  /** What a token server gives for the scopes; undefined when the keeper gets no tokens. With `fresh` not one given before. */
  token(
    request: {
      readonly realm: string;
      readonly service: string;
      readonly scopes: readonly string[];
      readonly fresh: boolean;
    },
    signal: AbortSignal,
  ): Promise<string | undefined>;
  credentials(): Promise<Omit<RegistryCredentials, 'keeper'> | undefined>;
}

/** Who asks a registry; each part may be missing. */
export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly serveraddress?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
  /** In place of all else. */
  readonly keeper?: CredentialKeeper;
}

/** How registries are reached: what of it daemon.json can say, and the rest. */
export interface RegistrySettings {
  /** `insecure-registries`: hosts, and networks in CIDR notation. This machine itself always is one. */
  readonly insecure: readonly string[];
  /** Base URLs to be asked first, by the registry's host (`docker.io` for Docker Hub; `*` for any). */
  readonly mirrors: Readonly<Record<string, readonly string[]>>;
  /** A directory for each `HOST[:PORT]`, with `*.crt`, `*.cert` and `*.key` (Docker's certs.d). */
  readonly certificatesDirectory: string;
  /** How often a layer that breaks off is asked for again (`max-download-attempts`). */
  readonly downloadAttempts: number;
  /** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, or what daemon.json has in their place. */
  readonly proxies: { readonly http?: string; readonly https?: string; readonly none?: string };
  /** Layers of a pull at once (`max-concurrent-downloads`). Three where it is not said. */
  readonly concurrentDownloads?: number;
  /** Layers of a push at once (`max-concurrent-uploads`). Five where it is not said. */
  readonly concurrentUploads?: number;
  /** How we name ourselves to registries. */
  readonly userAgent?: string;
  /** How long to wait before the first new try; each further one waits twice as long. A second where it is not said. */
  readonly firstRetryMs?: number;
  /** For how long a registry may send nothing before it is given up. A minute where it is not said. */
  readonly idleMs?: number;
}

/** A manifest or index, bit for bit; its descriptor's digest is that of the content. */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly content: Uint8Array;
}

/** What is to be sent as a blob. */
export interface BlobUpload {
  /** Where it is known beforehand; else it is computed on the way, and the upload is chunked. */
  readonly digest?: string;
  readonly sizeBytes?: number;
  /** Opened anew for each attempt. */
  open(): AsyncIterable<Uint8Array>;
  /** Told of each wait before another attempt: the client is shown it. */
  readonly onRetry?: (waitSeconds: number) => void;
}

/**
 * One repository of one registry (OCI distribution specification 1.1, and Docker's registry v2). Every method waits as long
 * as the registry makes progress, tries again what may pass (with back-off), and throws `not-found`, `unauthorized`,
 * `forbidden`, `unavailable` or `internal` in Docker's words.
 */
export interface Repository {
  /** In full: `docker.io/library/busybox`. */
  readonly name: string;
  /** By tag or digest; mirrors are asked first. By digest its content is verified. Throws `not-found`. */
  manifest(reference: string): Promise<FetchedManifest>;
  /** Without its content; undefined when there is none. Never asks a mirror. */
  headManifest(reference: string): Promise<Descriptor | undefined>;
  putManifest(reference: string, mediaType: string, content: Uint8Array): Promise<void>;
  deleteManifest(digest: string): Promise<void>;
  /** All tags, over all pages. */
  tags(): Promise<string[]>;
  /** Those that name `digest` as their subject, by API or by the tag schema. */
  referrers(digest: string, artifactType?: string): Promise<Descriptor[]>;
  /**
   * A blob from `offset` on; what breaks off is asked for again from there (Range), `onRetry` told of each wait. Neither digest
   * nor size are verified: whoever stores it does that. `urls` of foreign layers are tried where the registry has it not.
   */
  blob(
    descriptor: Descriptor & { readonly urls?: readonly string[] },
    options?: { offset?: number; onRetry?: (waitSeconds: number) => void },
  ): AsyncIterable<Uint8Array>;
  /** Undefined when it is not there. */
  headBlob(digest: string): Promise<{ sizeBytes: number } | undefined>;
  /** Whether the registry took it over from another of its repositories (`library/busybox`). */
  mountBlob(digest: string, from: string): Promise<boolean>;
  uploadBlob(upload: BlobUpload): Promise<{ digest: string; sizeBytes: number }>;
  deleteBlob(digest: string): Promise<void>;
}

/** A hit of `docker search`. */
export interface SearchResult {
  readonly name: string;
  readonly description: string;
  readonly star_count: number;
  readonly is_official: boolean;
  readonly is_automated: boolean;
}

/** The client of registries; tokens are kept between calls. */
export interface Distribution {
  /** How many layers are to be fetched, and sent, at once. */
  limits(): { readonly downloads: number; readonly uploads: number };
  /** `name` in full; `actions` is what tokens are asked for. */
  repository(
    name: string,
    options: { credentials?: RegistryCredentials | undefined; actions: 'pull' | 'push'; signal: AbortSignal },
  ): Repository;
  /** Asks a registry whether it takes the credentials; gives the token to be kept in place of the password, or an empty text. */
  login(credentials: RegistryCredentials, signal: AbortSignal): Promise<string>;
  /** The registry of `term` (`host/term`, Docker Hub without one). */
  search(
    term: string,
    options: { limit: number; credentials?: RegistryCredentials | undefined; signal: AbortSignal },
  ): Promise<SearchResult[]>;
}
