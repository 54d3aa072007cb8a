import type { MessagePort } from 'node:worker_threads';
import type { NamedEndpoint, NameResolver } from './types.ts';

/** What the thread is told, in order. */
export type Command =
  | { readonly do: 'add'; readonly networkId: string; readonly networkName: string; readonly endpoint: NamedEndpoint }
  | { readonly do: 'remove'; readonly networkId: string; readonly endpointId: string }
  | {
      readonly do: 'setLinks';
      readonly containerId: string;
      readonly networkId: string;
      readonly links: ReadonlyMap<string, string>;
    }
  | {
      readonly do: 'serve';
      readonly ticket: number;
      readonly containerId: string;
      readonly namespacePath: string;
      readonly resolver: NameResolver;
    }
  | { readonly do: 'setForwarding'; readonly containerId: string; readonly isAllowed: boolean }
  | { readonly do: 'stop'; readonly containerId: string }
  | { readonly do: 'close' };

/** What the thread tells: what came of a `serve`, or something that went wrong. */
export type Report = { readonly ticket: number; readonly failure?: string } | { readonly fault: string };

/** What the thread begins with. */
export interface ThreadData {
  readonly port: MessagePort;
  /** Descriptor of an eventfd: readable when there are commands. */
  readonly event: number;
  /** In shared memory: how many commands there have been. */
  readonly told: Int32Array;
}
