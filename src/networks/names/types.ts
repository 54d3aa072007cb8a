/** How names that no container has are resolved. */
export interface NameResolver {
  /**
   * Addresses of the resolvers to ask, in order; Docker asks the first three. They are asked from the container's network
   * namespace, those written `host(ADDRESS)` from the host's.
   */
  readonly servers: readonly string[];
  /** The user has set `ndots`: a name without a dot is then not asked for outside (A and AAAA), and its answer is empty. */
  readonly isNdotsSet?: boolean;
}

/** An endpoint in a network, with all that it is found by. */
export interface NamedEndpoint {
  readonly endpointId: string;
  readonly containerId: string;
  /** The container's name first: the one that its addresses are resolved to. Aliases, short id, hostname. */
  readonly names: readonly string[];
  /** Addresses, with or without a prefix length. */
  readonly ipv4?: string;
  readonly ipv6?: string;
}

/**
 * The resolver of containers, at 127.0.0.11:53 in the namespace of each that is served. It answers for the names in the
 * networks that the asking container is in (`add` named its id); all else it asks for outside. It lives in a thread of its
 * own, which does things in the order in which they are said here.
 */
export interface Names {
  /** Starts the thread ahead of its first use, which else waits for it. */
  prepare(): void;
  /** An endpoint of a user-defined network came, or has other names than before. */
  add(networkId: string, networkName: string, endpoint: NamedEndpoint): void;
  /** No error when it is not there. */
  remove(networkId: string, endpointId: string): void;
  /** Names that only this container sees: alias -> name or id of a container in the same network. Replaces earlier ones. */
  setLinks(containerId: string, networkId: string, links: ReadonlyMap<string, string>): void;
  /**
   * Answers in the network namespace at the path; resolves when it does. Rejects when the namespace is gone or cannot have
   * the rules. Serving again replaces what was there.
   */
  serve(containerId: string, namespacePath: string, resolver: NameResolver): Promise<void>;
  /** Others may be asked only when one of the container's networks is not internal. True unless it is said otherwise. */
  setForwarding(containerId: string, isAllowed: boolean): void;
  /** Ends serving, and forgets links and forwarding; endpoints are removed one by one. */
  stop(containerId: string): void;
  /** Ends all of it. */
  close(): void;
}
