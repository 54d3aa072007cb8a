/** One event of `GET /events`; `status`, `id` and `from` repeat the newer fields for container and image events. */
export interface EventMessage {
  status?: string;
  id?: string;
  from?: string;
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  scope: string;
  time: number;
  timeNano: number;
}

/** The answer of `GET /version`. */
export interface Version {
  Platform: { Name: string };
  Components: { Name: string; Version: string; Details?: Record<string, string> }[];
  Version: string;
  ApiVersion: string;
  MinAPIVersion: string;
  GitCommit: string;
  GoVersion: string;
  Os: string;
  Arch: string;
  KernelVersion: string;
  BuildTime: string;
}

/** The answer of every prune endpoint: which of the lists is there depends on what was pruned. */
export interface PruneReport {
  ContainersDeleted?: string[] | null;
  ImagesDeleted?: import('./image.ts').ImageDeleteItem[] | null;
  VolumesDeleted?: string[] | null;
  NetworksDeleted?: string[] | null;
  SpaceReclaimed: number;
}

/** The filters of list, prune and events endpoints: each name with its values. */
export type Filters = ReadonlyMap<string, readonly string[]>;
