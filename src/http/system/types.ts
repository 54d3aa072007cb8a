/** What the kernel's cgroups can do here, as `GET /info` tells it. */
export interface CgroupFacts {
  readonly version: '1' | '2';
  readonly driver: 'cgroupfs' | 'systemd' | 'none';
  readonly memoryLimit: boolean;
  readonly swapLimit: boolean;
  readonly cpuQuota: boolean;
  readonly cpuShares: boolean;
  readonly cpuset: boolean;
  readonly pidsLimit: boolean;
  readonly oomKillDisable: boolean;
}

/** The machine. `readHostFacts` gathers it. */
export interface HostFacts {
  readonly name: string;
  readonly kernelVersion: string;
  /** As people read it: `Debian GNU/Linux 12 (bookworm)`. */
  readonly operatingSystem: string;
  readonly operatingSystemVersion: string;
  /** As the kernel names it: `x86_64`. */
  readonly machine: string;
  /** As Go names it: `amd64`. */
  readonly architecture: string;
  readonly processors: number;
  readonly memoryBytes: number;
  readonly ipv4Forwarding: boolean;
}

/** A part of the engine with a version of its own, for `GET /version`. */
export interface Component {
  readonly name: string;
  readonly version: string;
  readonly details?: Readonly<Record<string, string>>;
}

/** What the engine is: supplied by the entry point that puts it together. */
export interface SystemInformation {
  /** Kept for the life of the data root. */
  readonly id: string;
  readonly version: string;
  readonly gitCommit: string;
  /** RFC 3339; empty when it is not known. */
  readonly buildTime: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly startedAt: Date;
  readonly debug: boolean;
  readonly labels: readonly string[];
  readonly host: HostFacts;
  readonly cgroups: CgroupFacts;
  /** The snapshot driver in Docker's name, and what it says of itself. */
  readonly storage: { readonly driver: string; readonly status: readonly (readonly [string, string])[] };
  /** Name -> path of the OCI runtimes; `defaultRuntime` is one of them. */
  readonly runtimes: Readonly<Record<string, { readonly path: string }>>;
  readonly defaultRuntime: string;
  /** Commit that the default runtime was built from; empty when it does not say. */
  readonly runtimeCommit: string;
  /** How registries are reached. */
  readonly registries: { readonly mirrors: readonly string[]; readonly insecure: readonly string[] };
  /** Containers go on when a signal ends the engine. */
  readonly liveRestore: boolean;
  readonly loggingDriver: string;
  /** Docker's form: `name=seccomp,profile=builtin`. */
  readonly securityOptions: readonly string[];
  readonly firewallDriver: string;
  /** The runtime and what else has a version. */
  readonly components: readonly Component[];
  /** Live numbers. */
  counts(): { readonly fileDescriptors: number; readonly eventListeners: number };
  /** What the operator should know, a line each. */
  warnings(): readonly string[];
  /** Ends the engine soon after; with `all` its containers and the keeper too. */
  requestStop(all: boolean): void;
}

/** What `POST /auth` sends, and registries are asked with. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** Host, with or without a scheme; the default registry when missing. */
  readonly serveraddress?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

/** Asks a registry whether it takes the credentials. Gives the token to use in their place, or an empty text. */
export type Login = (credentials: Credentials, signal: AbortSignal) => Promise<string>;
