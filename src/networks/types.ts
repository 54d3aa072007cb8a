import type {
  EndpointSettings,
  Filters,
  NetworkCreateRequest,
  NetworkInspect,
  NetworkTrace,
  PortBinding,
  PortSummary,
} from '#api';
import type { NameResolver } from './names/index.ts';
import type { TraceRequest } from './trace/parties.ts';

/** One endpoint that a container asks for. */
export interface EndpointRequest {
  /** Name, id or unique id prefix of a network. */
  readonly network: string;
  /** What is asked for: IPAMConfig, Links, Aliases, MacAddress, DriverOpts, GwPriority. All else is not looked at. */
  readonly settings: Partial<EndpointSettings>;
}

/** What a container asks of the network when it starts. */
export interface SandboxRequest {
  readonly containerId: string;
  /** Name of the container, without slash: the owner to name when a port is taken. */
  readonly containerName: string;
  /** Others find it by this name too. */
  readonly hostname: string;
  /** The container's own network mode first; `none` is a network too. `host` and `container:` have no sandbox of their own. */
  readonly endpoints: readonly EndpointRequest[];
  /** `80/tcp` -> bindings; an empty HostPort asks for a free port, a range `8000-8010` for one of it. */
  readonly portBindings: Readonly<Record<string, readonly PortBinding[] | null>>;
  /** Ports that the container exposes, for `publishAll`. */
  readonly exposedPorts: readonly string[];
  readonly publishAll: boolean;
  /** Sysctls under `net.`, applied inside the sandbox. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** For networks with names: who is asked for what no container is called. */
  readonly resolver: NameResolver;
  /** Whether no event tells of it: it is no container's, and nobody knows its id. */
  readonly isUnannounced?: boolean;
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
  /** Whether names are resolved at 127.0.0.11: in every container of a network that a user made. */
  readonly hasResolver: boolean;
}

/** The answer to a created network. */
export interface NetworkCreated {
  readonly Id: string;
  readonly Warning: string;
}

/** What there is to know of a network before one is in it. */
export interface NetworkSummary {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
}

/** The feature's face towards containers and http. */
export interface Networks {
  /** Makes namespace, endpoints and published ports. Rejects with Docker's words when a port is taken; leaves nothing then. */
  setUp(request: SandboxRequest): Promise<Sandbox>;
  /** Removes all of a container's sandbox; no error when there is none. Does not wait for the kernel's own teardown. */
  tearDown(containerId: string): Promise<void>;
  /** The sandbox of a container, when it has one. */
  sandbox(containerId: string): Sandbox | undefined;
  /**
   * Puts a running container into one more network: the device comes up inside, and the default route and the published
   * ports follow the gateway. Rejects with `forbidden` when it is there already.
   */
  connect(containerId: string, endpoint: EndpointRequest): Promise<Sandbox>;
  /** Takes a running container out of a network; rejects with `forbidden` when it is not in it. */
  disconnect(containerId: string, network: string): Promise<Sandbox>;
  /** A container has another name, by which others find it from now on. No error when it does not run. */
  rename(containerId: string, name: string): Promise<void>;
  /**
   * Brings the kernel's state back to what the records say: removes sandboxes, veths, rules and elements whose
   * container is not in `live`, and restores networks and ruleset. Called once at the engine's start.
   */
  reconcile(live: ReadonlySet<string>): Promise<void>;
  /** Makes a network, or nothing when it rejects: a bad request (`invalid-argument`), a name or subnet that is taken. */
  create(request: NetworkCreateRequest): Promise<NetworkCreated>;
  /** Removes a network that nobody is in; rejects with `forbidden` for those that come with the engine. */
  remove(name: string): Promise<void>;
  /** Removes the networks that users made and no container of the records asks for; returns their names. */
  prune(filters: Filters): Promise<string[]>;
  /** A network by name, id or unique id prefix, without looking at who is in it; undefined when there is none. */
  find(name: string): NetworkSummary | undefined;
  /**
   * What is wrong, in Docker's words, with what is asked of an endpoint: names and addresses that a network cannot give. Of
   * a network that is not there yet only what would be wrong in any.
   */
  endpointFaults(network: string, asked: Partial<EndpointSettings>): string[];
  list(filters: Filters): NetworkInspect[];
  /** By name, id or unique id prefix; throws `not-found` (`network x not found`). */
  inspect(name: string): NetworkInspect;
  /** Whether and why a packet passes, rule by rule. Throws `conflict` for a container that has no network now. */
  trace(request: TraceRequest): NetworkTrace;
  /** Removes all that this engine has in the kernel; only for `engine stop --all`. The networks' records stay. */
  close(): Promise<void>;
}

/** Bindings in the form of container lists. */
export type PortSummaries = (ports: Readonly<Record<string, readonly PortBinding[] | null>>) => PortSummary[];
