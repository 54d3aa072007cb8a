import type { ResolverSettings } from './types.ts';

/** Name resolution inside of networks: what the sandboxes tell it. */
export interface Names {
  /** An endpoint of a network with names came: all that others in that network find it by. */
  add(
    networkId: string,
    networkName: string,
    endpoint: {
      endpointId: string;
      containerId: string;
      names: readonly string[];
      ipv4?: string;
      ipv6?: string;
    },
  ): void;
  remove(networkId: string, endpointId: string): void;
  /** Names that only this container sees (links): alias -> container name or id in the same network. */
  setLinks(containerId: string, networkId: string, links: ReadonlyMap<string, string>): void;
  /** Answers at 127.0.0.11:53 in the namespace. */
  serve(containerId: string, namespacePath: string, resolver: ResolverSettings): void | Promise<void>;
  /** Whether others may be asked for what no container is called. */
  setForwarding(containerId: string, allowed: boolean): void;
  stop(containerId: string): void;
  close(): void;
}
