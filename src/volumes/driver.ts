/** A volume as its driver tells of it. */
export interface DriverVolume {
  readonly name: string;
  /** Empty when the driver does not say. */
  readonly mountpoint: string;
  /** RFC 3339. */
  readonly createdAt?: string;
  readonly status?: Readonly<Record<string, unknown>>;
}

/** A volume plugin, as the engine asks it (Docker's volume plugin protocol, version 1). */
export interface PluginDriver {
  readonly name: string;
  /** `local` or `global`. */
  scope(): Promise<string>;
  create(volume: string, options: Readonly<Record<string, string>> | null): Promise<void>;
  /** Undefined when the plugin says that it has no such volume; throws `unavailable` when it says nothing. */
  get(volume: string): Promise<DriverVolume | undefined>;
  /** The same for a volume of which nobody knows whether it is this plugin's: gives up soon, with undefined. */
  probe(volume: string): Promise<DriverVolume | undefined>;
  list(): Promise<DriverVolume[]>;
  remove(volume: string): Promise<void>;
  /** Returns where it is mounted. */
  mount(volume: string, containerId: string): Promise<string>;
  unmount(volume: string, containerId: string): Promise<void>;
}
