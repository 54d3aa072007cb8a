import type { CacheCounts } from './cache/cache.ts';
import type { CacheSettings } from './cache/places.ts';
import type { ReferrerRecord } from './catalogue.ts';
import type { RetentionRule } from './retention.ts';

/** What may be done with a repository; `catalog`, which has no repository, is the list of all of them. */
export type Action = 'pull' | 'push' | 'delete' | 'catalog';

/** What a request needs to be allowed. */
export interface Need {
  readonly action: Action;
  /** Undefined for `catalog` and for `GET /v2/`. */
  readonly repository?: string;
  /** What the client calls it, where that is something else: tokens are for that name, and rights for the other. */
  readonly calledName?: string;
}

/** Who asks, and what that is allowed. */
export interface Grants {
  /** Undefined for somebody unknown. */
  readonly user?: string;
  allows(need: Need): boolean;
  /** Whether the list of repositories shows one. */
  sees(repository: string): boolean;
  /** The `WWW-Authenticate` for a request that lacks `needs`; undefined where no credentials would help (403). */
  challenge(needs: readonly Need[]): string | undefined;
}

/** Says what the sender of a request is allowed; `address` is where it came from. Throws a RegistryFailure for bad credentials. */
export type Authorize = (request: Request, from: { readonly address: string }) => Grants | Promise<Grants>;

/** Where a miss is filled from (pull-through cache). It stores what it fetches by the storage that it was made with. */
export interface Upstream {
  /**
   * Called before a manifest is read, with what is stored under the reference; stores a newer one where there is one. What it
   * throws goes to the client, unless there is one stored.
   */
  refreshManifest(repository: string, reference: string, storedDigest: string | undefined): Promise<void>;
  /**
   * Called for a blob that is not here: an answer that streams it (and stores it on the way), or undefined when it is stored by
   * now, or when there is none.
   */
  openBlob(repository: string, digest: string, request: Request): Promise<Response | undefined>;
  /** All tags that there are; undefined where there are none but those that are here. */
  tags(repository: string): Promise<readonly string[] | undefined>;
  /** The same for what has a manifest as its subject. */
  referrers(repository: string, digest: string): Promise<readonly ReferrerRecord[] | undefined>;
  /** Told of a blob that is here. */
  noteHit(repository: string): void;
  /** What it was asked, and what it did about it. */
  readonly counts: CacheCounts;
  /** The upstream of a repository that is kept of another registry; nobody may push into it. */
  hostOf(repository: string): string | undefined;
  /**
   * The repository that is meant: one below a prefix where the client names another registry (`namespace`, containerd's `ns`),
   * or where it is not here and is sought.
   */
  locate(repository: string, how: { readonly namespace: string | null; readonly isSought: boolean }): string;
  /** Whether a request came from here: who is its own upstream would wait for itself. */
  isOwn(request: Request): boolean;
  /** What nobody asked for for so long is collected; undefined for never. */
  readonly keepMs: number | undefined;
  /** Ends what it fetches. */
  close(): Promise<void>;
}

/** The repository that is read when a client names one. */
export type Locate = (calledName: string) => string;

/** Lets people in. */
export interface Guard {
  readonly authorize: Authorize;
  /** Serves `/token`, where tokens are given out here. */
  readonly token?: (request: Request, locate: Locate) => Promise<Response>;
}

/** What holds for the whole registry. */
export interface Policy {
  /** Refuses all that changes anything. */
  readonly readOnly: boolean;
}

/** Where a registry listens, what it keeps its content under, and what is plugged into it. */
export interface RegistryOptions {
  /** `HOST:PORT`; port 0 takes a free one. */
  readonly listen: string;
  /** Everything that it stores lies below this directory. */
  readonly root: string;
  readonly policy?: Partial<Policy>;
  /** Everybody may do everything where there is none. */
  readonly guard?: Guard;
  /** Other registries of which content is kept here. */
  readonly cache?: CacheSettings;
  readonly tls?: Bun.TLSOptions;
  /** How long an upload may rest before it is thrown away; a day by default. */
  readonly uploadLifeMs?: number;
  /** How long what nothing names stays after it was pushed or asked for; a day by default. */
  readonly graceMs?: number;
  /** How often garbage is collected; every six hours by default, and never with 0. */
  readonly collectEveryMs?: number;
  /** What goes by itself; nothing by default. */
  readonly retention?: readonly RetentionRule[];
}

/** What may change while it serves. */
export type LiveOptions = Pick<RegistryOptions, 'policy' | 'guard' | 'retention' | 'tls'>;
