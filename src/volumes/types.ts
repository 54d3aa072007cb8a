import type { Filters, PruneReport, Volume, VolumeCreateRequest, VolumeListResponse } from '#api';

/** How a container uses a volume, for the event that tells of it. */
export interface MountUse {
  readonly destination?: string;
  readonly readWrite?: boolean;
  /** No event: the engine itself looks into the volume. */
  readonly quiet?: boolean;
}

/** The feature's face towards containers and http. */
export interface Volumes {
  /**
   * Makes a volume, or returns the one of that name; an empty name gets a random one (anonymous). With `holder`, the id of a
   * container that is being created, it cannot be removed until that is let go.
   */
  create(request: VolumeCreateRequest, holder?: string): Promise<Volume>;
  /** The container that a creation was for has its record now, or will never have one. */
  letGo(holder: string): void;
  /** Throws `not-found` (`get x: no such volume`). */
  inspect(name: string): Promise<Volume>;
  list(filters: Filters): Promise<VolumeListResponse>;
  /** All volumes, with their sizes and how many containers use each. */
  usage(): Promise<Volume[]>;
  /** Throws `conflict` (`remove x: volume is in use - [id]`) while a container refers to it. */
  remove(name: string, options: { force: boolean }): Promise<void>;
  prune(filters: Filters): Promise<PruneReport>;
  /** Directory to mount for a container, made ready (mount options applied); once for each container that uses it. */
  mount(name: string, containerId: string, options?: MountUse): Promise<string>;
  /** The container no longer uses it, once for each `mount`; more is no error. */
  unmount(name: string, containerId: string, options?: Pick<MountUse, 'quiet'>): Promise<void>;
  reconcile(live: ReadonlySet<string>): Promise<void>;
  /** `local`, and the plugins that can be found. */
  driverNames(): string[];
  /** When plugins have done what nobody waited for, or have had enough time to. */
  settled(): Promise<void>;
}
