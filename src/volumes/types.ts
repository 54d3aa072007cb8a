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
  /** Makes a volume, or returns the one of that name; an empty name gets a random one (anonymous). */
  create(request: VolumeCreateRequest): Promise<Volume>;
  /** Throws `not-found` (`get x: no such volume`). */
  inspect(name: string): Volume;
  list(filters: Filters): VolumeListResponse;
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
}
