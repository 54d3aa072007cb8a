import type { EndpointSettings, Filters, NetworkInspect, PortBinding, PortSummary } from '#api';

/** What a container asks of the network when it starts. */
export interface SandboxRequest {
  readonly containerId: string;
  /** Name of the container, without slash: the owner to name when a port is taken. */
  readonly containerName: string;
  /** `bridge` (also spelled `default`) or `none`. `host` and `container:` have no sandbox of their own. */
  readonly networkMode: string;
  /** `80/tcp` -> bindings; an empty HostPort asks for a free port, a range `8000-8010` for one of it. */
  readonly portBindings: Readonly<Record<string, readonly PortBinding[] | null>>;
  /** Ports that the container exposes, for `publishAll`. */
  readonly exposedPorts: readonly string[];
  readonly publishAll: boolean;
  /** The endpoint asked for (MAC address, static address), if any. */
  readonly endpoint?: Partial<EndpointSettings>;
  /** Name of the device inside; `eth0` when not given. */
  readonly interfaceName?: string;
  /** IPv4 addresses of the link beside its own (169.254.0.0/16). */
  readonly linkLocalAddresses?: readonly string[];
  /** Sysctls under `net.`, applied inside the sandbox. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/** A network namespace made ready for one container. */
export interface Sandbox {
  readonly containerId: string;
  /** Path of the pinned network namespace. */
  readonly namespacePath: string;
  /** Network name -> endpoint. */
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  /** Resolved bindings, every exposed or published port a key (`null` when it is not published). */
  readonly ports: Readonly<Record<string, PortBinding[] | null>>;
}

/** The feature's face towards containers and http. */
export interface Networks {
  /** Makes namespace, endpoint and published ports. Rejects with Docker's words when a port is taken; leaves nothing then. */
  setUp(request: SandboxRequest): Promise<Sandbox>;
  /** Removes all of a container's sandbox; no error when there is none. Does not wait for the kernel's own teardown. */
  tearDown(containerId: string): Promise<void>;
  /** The sandbox of a container, when it has one. */
  sandbox(containerId: string): Sandbox | undefined;
  /**
   * Brings the kernel's state back to what the records say: removes sandboxes, veths, rules and elements whose
   * container is not in `live`, and restores bridge and ruleset. Called once at the engine's start.
   */
  reconcile(live: ReadonlySet<string>): Promise<void>;
  list(filters: Filters): NetworkInspect[];
  /** By name, id or unique id prefix; throws `not-found` (`network x not found`). */
  inspect(name: string): NetworkInspect;
  /** Removes bridge and rules of this engine; only for `engine stop --all`. */
  close(): Promise<void>;
}

/** Bindings in the form of container lists. */
export type PortSummaries = (ports: Readonly<Record<string, readonly PortBinding[] | null>>) => PortSummary[];
